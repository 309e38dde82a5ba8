//! Compiles the wire with protox, so that no protoc is needed.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let files = ["fleetmark/v1/agent.proto", "fleetmark/v1/control.proto", "fleetmark/v1/trust.proto"];
    println!("cargo::rerun-if-changed=fleetmark");
    let descriptors = protox::compile(files, ["."])?;
    // The services and their calls by name, for who has to list them all.
    let folder = std::path::PathBuf::from(std::env::var("OUT_DIR")?);
    let calls = descriptors.file.iter().flat_map(|file| {
        file.service.iter().flat_map(move |service| {
            let path = format!("/{}.{}/", file.package(), service.name());
            service.method.iter().map(move |method| format!("    \"{path}{}\",\n", method.name()))
        })
    });
    std::fs::write(folder.join("calls.rs"), format!("&[\n{}]\n", calls.collect::<String>()))?;
    // What holds secrets shows itself only as `convert::confidential` says.
    let silent = [".fleetmark.v1.Confidential", ".fleetmark.v1.SubmitRequest"];
    tonic_prost_build::configure().btree_map(".").skip_debug(silent).compile_fds(descriptors)?;
    Ok(())
}
