//! Compiles the wire with protox, so that no protoc is needed.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let files = ["fleetmark/v1/agent.proto", "fleetmark/v1/control.proto"];
    println!("cargo::rerun-if-changed=fleetmark");
    let descriptors = protox::compile(files, ["."])?;
    tonic_prost_build::configure().btree_map(".").compile_fds(descriptors)?;
    Ok(())
}
