"""The hardware workloads beside respected tools, in interleaved rounds: python3 beside_peers.py FLEETMARK [ROUNDS [SECONDS]].

FLEETMARK is a release build. Peers: C loops of this folder (gcc -O3), sysbench, fio, iperf3; one that is missing is left out and
named. Prints for each figure ours, the peer's, and their ratio: median (least to most), taken round by round. The file that is
read lies in a folder of this one's own beside the working directory, and is removed.
"""

import json
import pathlib
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).parent
ARRAY_BYTES = 128 << 20
STREAM_BYTES = 1 << 20
TARGET = """[target]
start = ["fleetmark", "target", "--network", "--listen", "{{target.host}}:{{target.port}}"]
ready = "tcp://{{target.host}}:{{target.port}}"
"""
FILE_SIZE = "512M"


def said(words, **more):
    done = subprocess.run(words, capture_output=True, text=True, timeout=600, **more)
    if done.returncode != 0:
        raise SystemExit(f"{words}: {done.stderr or done.stdout}")
    return done.stdout


class Ours:
    """fleetmark with a store of its own."""

    def __init__(self, fleetmark, folder, seconds):
        self.fleetmark, self.folder, self.seconds = fleetmark, folder, seconds

    def operation(self, kind, kernel, workload="", operation="", workers=1, target=""):
        job = f"""name = "beside"
[workload]
kind = "{kind}"
{workload}
[[workload.operations]]
name = "work"
kernel = "{kernel}"
{operation}
[load]
workers = {workers}
warmup = "500ms"
duration = "{self.seconds}s"
trials = 1
[limits]
steal = 1.0
foreign_cpu = 1.0
{target}"""
        path = self.folder / "job.toml"
        path.write_text(job)
        report = json.loads(said([self.fleetmark, "run", str(path), "--quiet", "--json", "-"], cwd=self.folder))
        trial = report["variants"][0]["trials"][0]
        if not trial["valid"]:
            raise SystemExit(f"{kernel}: {trial['findings']}")
        return trial["operations"][0]


def fio(folder, seconds, rw, *more):
    words = ["fio", "--name=beside", f"--directory={folder}", f"--size={FILE_SIZE}", f"--rw={rw}", "--time_based"]
    words += [f"--runtime={seconds}", "--output-format=json", "--group_reporting", "--thread", *more]
    return json.loads(said(words))["jobs"][0]


def iperf3(seconds):
    """One stream over loopback, as its receiver counted it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    server = subprocess.Popen(["iperf3", "--server", "--one-off", "--forceflush", "--bind", "127.0.0.1", "--port", port],
                              stdout=subprocess.PIPE, text=True)
    try:
        # It says that it listens before it does anything else.
        next(line for line in server.stdout if "listening" in line)
        told = json.loads(said(["iperf3", "--client", "127.0.0.1", "--port", port, "--time", str(seconds), "--json"]))
    finally:
        server.terminate()
        server.wait()
    return told["end"]["sum_received"]["bits_per_second"] / 8


def figures(ours, folder, seconds, programs):
    """Name, our measurement and the peer's; each returns figures by name."""
    size = f'directory = "{folder}"\nsize = "512MiB"'

    def sysbench():
        words = ["sysbench", "cpu", "--cpu-max-prime=10000", "--threads=1", f"--time={seconds}", "run"]
        line = next(line for line in said(words).splitlines() if "events per second" in line)
        return {"events/s": float(line.split(":")[1])}

    def triad():
        mean, best = map(float, said([programs / "triad", str(ARRAY_BYTES), str(seconds)]).split())
        return {"mean MB/s": mean, "best MB/s": best}

    def our_triad():
        bandwidth = ours.operation("memory", "triad/1", operation=f"size = {ARRAY_BYTES}")["metrics"]["bandwidth"]
        return {"mean MB/s": bandwidth["mean"], "best MB/s": bandwidth["max"]}

    def our_chase(size):
        operation = ours.operation("memory", "chase/1", operation=f"size = {size}")
        return {"ns": operation["metrics"]["load_time"]["mean"]}

    def chase(size):
        return {"ns": float(said([programs / "chase", str(size), str(seconds)]).split()[0])}

    def our_reads(depth):
        done = ours.operation("disk", "read-random/1", workload=size, workers=depth)
        return {"reads/s": done["throughput_per_s"], "median µs": done["latency_ns"]["p50"] / 1e3}

    def reads(depth):
        more = ["--bs=4k", "--direct=1", "--ioengine=psync", f"--numjobs={depth}", "--filename=beside.file"]
        read = fio(folder, seconds, "randread", *more)["read"]
        return {"reads/s": read["iops"], "median µs": read["clat_ns"]["percentile"]["50.000000"] / 1e3}

    def our_fsync():
        latency = ours.operation("disk", "fsync/1", workload=size)["latency_ns"]
        return {"median µs": latency["p50"] / 1e3, "p99 µs": (latency["p99"] or 0) / 1e3}

    def fsync():
        # Without room made beforehand, and never around to the beginning: each write lengthens the file, as an append does.
        words = ["fio", "--name=log", f"--directory={folder}", "--size=4g", "--fallocate=none", "--rw=write", "--bs=2300"]
        words += ["--fdatasync=1", "--ioengine=sync", "--time_based", f"--runtime={seconds}", "--output-format=json", "--thread"]
        sync = json.loads(said(words))["jobs"][0]["sync"]
        told = sync["lat_ns"]["percentile"]
        return {"median µs": told["50.000000"] / 1e3, "p99 µs": told["99.000000"] / 1e3}

    def our_stream():
        work = 'address = "{{target.host}}:{{target.port}}"'
        done = ours.operation("network", "stream/1", workload=work, target=TARGET)
        return {"MB/s": done["throughput_per_s"] * STREAM_BYTES / 1e6}

    yield "cpu integer, one thread", "sysbench", sysbench, lambda: {
        "events/s": ours.operation("cpu", "integer/1")["throughput_per_s"]
    }
    yield "memory triad, 128 MiB arrays", "C", triad, our_triad
    yield "pointer chase, 1 MiB", "C", lambda: chase(1 << 20), lambda: our_chase(1 << 20)
    yield "pointer chase, 256 MiB", "C", lambda: chase(256 << 20), lambda: our_chase(256 << 20)
    yield "random 4 KiB reads, depth 1", "fio", lambda: reads(1), lambda: our_reads(1)
    yield "random 4 KiB reads, depth 32", "fio", lambda: reads(32), lambda: our_reads(32)
    yield "2,300-byte append and fdatasync", "fio", fsync, our_fsync
    yield "TCP stream over loopback", "iperf3", lambda: {"MB/s": iperf3(seconds) / 1e6}, our_stream


def spread(values):
    return f"{statistics.median(values):.4g} ({min(values):.4g} to {max(values):.4g})"


def main():
    fleetmark = pathlib.Path(sys.argv[1]).resolve()
    rounds, seconds = (int(word) for word in (sys.argv[2:] + ["5", "3"][len(sys.argv) - 2 :])[:2])
    with tempfile.TemporaryDirectory(dir=".") as folder:
        folder = pathlib.Path(folder).resolve()
        for name in ["triad", "chase"]:
            said(["gcc", "-O3", "-o", str(folder / name), str(HERE / f"{name}.c")])
        if shutil.which("fio"):
            # One file for all rounds, full of data as ours is.
            said(["fio", "--name=fill", f"--directory={folder}", "--filename=beside.file", f"--size={FILE_SIZE}"]
                 + ["--rw=write", "--bs=1m", "--direct=1", "--ioengine=psync", "--end_fsync=1"])
        rows = {}
        asked = [one for one in figures(Ours(fleetmark, folder, seconds), folder, seconds, folder)
                 if one[1] == "C" or shutil.which(one[1])]
        print("peers that are missing:", [peer for peer in ["sysbench", "fio", "iperf3"] if not shutil.which(peer)] or "none")
        for number in range(rounds):
            for name, peer, theirs, ours in asked:
                # Every second round the other way around: whoever comes second finds a warmer machine.
                pair = [theirs, ours] if number % 2 == 0 else [ours, theirs]
                told = {which: which() for which in pair}
                for figure, value in told[ours].items():
                    rows.setdefault((name, peer, figure), []).append((value, told[theirs][figure]))
        print(f"\n{rounds} rounds of {seconds} s: median (least to most)\n")
        print("| | figure | fleetmark | peer | fleetmark / it |\n|---|---|---|---|---|")
        for (name, peer, figure), pairs in rows.items():
            ours, its = zip(*pairs)
            ratio = [one / other for one, other in pairs]
            print(f"| {name} | {figure} | {spread(ours)} | {peer}: {spread(its)} | {spread(ratio)} |")


main()
