"""Measures `transfuse match` beside Splink; match.sh says how it is called."""

import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
TRANSFUSE = os.environ["TRANSFUSE"]
REPEAT = int(os.environ.get("REPEAT", "1"))
SPLINK = ["splink==5.0.0"]
SEED = "1"


@dataclass
class Cost:
    seconds: float
    """Of all threads, in seconds."""
    cpu: float
    """The most memory held, in bytes."""
    peak: int


@dataclass
class Measured:
    name: str
    cost: Cost
    """Pairs that were compared, where the program tells."""
    compared: int | None
    """What `transfuse evaluate` says."""
    quality: dict


def run(command, log):
    """Runs a command; what it prints is shown when it fails."""
    with log.open("w") as output:
        started = time.monotonic()
        process = subprocess.Popen(command, stdout=output, stderr=output)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.monotonic() - started
    if status != 0:
        sys.stderr.write(log.read_text())
        sys.exit(f"failed: {' '.join(map(str, command[:3]))} …")
    return Cost(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024)


def cheapest(command, log):
    return min((run(command, log) for _ in range(REPEAT)), key=lambda cost: cost.cpu)


def evaluate(folder, truth):
    answer = folder / "quality.json"
    command = [TRANSFUSE, "evaluate", "--truth", truth, "--pairs", folder / "pairs.csv"]
    command += ["--clusters", folder / "clusters.csv", "--json", answer]
    run(command, folder / "evaluate.log")
    return json.loads(answer.read_text())


def with_transfuse(people, truth, folder):
    folder.mkdir()
    answer = folder / "result.json"
    command = [TRANSFUSE, "match", people, "--pairs", folder / "pairs.csv"]
    command += ["--clusters", folder / "clusters.csv", "--json", answer]
    cost = cheapest(command, folder / "log")
    compared = json.loads(answer.read_text())["pairs_compared"]
    return Measured("transfuse match", cost, compared, evaluate(folder, truth))


def with_splink(python, style, people, truth, folder, memory):
    folder.mkdir()
    command = [python, HERE / "splink_match.py", style, people, folder, *memory]
    cost = cheapest(command, folder / "log")
    return Measured(f"Splink, {style}", cost, None, evaluate(folder, truth))


def install_splink(folder):
    """The Python that has Splink, or None."""
    python = folder / "bin" / "python"
    try:
        if not python.exists():
            subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        install = [python, "-m", "pip", "install", "--quiet", *SPLINK]
        subprocess.run(install, check=True, timeout=600)
        return python
    except (subprocess.SubprocessError, OSError) as error:
        print(f"Splink cannot be had here ({error}): measured without it", file=sys.stderr)
        return None


def show(measured):
    print(f"{'':<18} {'s':>7} {'CPU s':>7} {'pairs/s':>10} {'peak MB':>8}")
    for one in measured:
        speed = "" if one.compared is None else f"{one.compared / one.cost.seconds:,.0f}"
        cost = one.cost
        print(
            f"{one.name:<18} {cost.seconds:7.1f} {cost.cpu:7.1f} {speed:>10} {cost.peak / 1e6:8,.0f}"
        )
    print(
        f"\n{'':<18} {'pair P':>7} {'R':>7} {'F1':>7} {'best F1':>8} {'R at .999':>9}"
        f" {'cluster F1':>11} {'P':>7} {'R':>7} {'over-merged':>12}"
    )
    for one in measured:
        quality = one.quality
        sure, clusters = quality["sure"]["quality"], quality["clusters"]
        pairs, precise = clusters["pairwise"], quality.get("precise")
        recall = f"{precise['quality']['recall']:9.3f}" if precise else f"{'-':>9}"
        print(
            f"{one.name:<18} {sure['precision']:7.3f} {sure['recall']:7.3f} {sure['f1']:7.3f}"
            f" {quality['best']['quality']['f1']:8.3f} {recall}"
            f" {pairs['f1']:11.3f} {pairs['precision']:7.3f} {pairs['recall']:7.3f}"
            f" {clusters['over_merged']:12,}"
        )
    print("\npairs: from a stated probability of 0.95 on")


def show_calibration(measured):
    print(f"\n{'stated':<14} {'pairs':>9} {'mean':>8} {'true':>8} {'apart':>7}")
    for band in measured.quality["calibration"]:
        if band["from"] < 0.9:
            continue
        apart = band["observed"] - band["stated"]
        print(
            f"{band['from']:.4f}–{band['to']:.4f}  {band['pairs']:9,} {band['stated']:8.4f}"
            f" {band['observed']:8.4f} {apart:+7.4f}"
        )


def show_budgets(ours, splink):
    tuned = next((one for one in splink if one.name.endswith("tuned")), splink[0])
    clusters = ours.quality["clusters"]
    lines = [
        ("CPU time / tuned Splink's", ours.cost.cpu / tuned.cost.cpu, "≤ 0.25"),
        ("memory / tuned Splink's", ours.cost.peak / tuned.cost.peak, "≤ 0.5"),
        ("cluster F1", clusters["pairwise"]["f1"], "≥ 0.96"),
        (
            "over-merged / tuned Splink's",
            clusters["over_merged"] / max(tuned.quality["clusters"]["over_merged"], 1),
            "≤ 0.1",
        ),
        ("recall at pair precision 0.999", ours.quality["precise"]["quality"]["recall"], "≥ 0.80"),
    ]
    print()
    for name, figure, budget in lines:
        print(f"{name:<34} {figure:6.3f}   budget {budget}")


def section(name, count, styles, memory, python, work):
    people, truth = work / f"{name}.csv", work / f"{name}-truth.csv"
    generate = [TRANSFUSE, "generate", "people", "--count", str(count), "--seed", SEED]
    run([*generate, "--out", people, "--truth", truth], work / "generate.log")
    print(f"\n== {name}: {count:,} records ==\n", flush=True)
    ours = with_transfuse(people, truth, work / f"{name}-transfuse")
    splink = [
        with_splink(python, style, people, truth, work / f"{name}-{style}", memory)
        for style in (styles if python else [])
    ]
    show([ours, *splink])
    show_calibration(ours)
    if splink:
        show_budgets(ours, splink)


def main():
    records = int(os.environ.get("RECORDS", "1000000"))
    sections = sys.argv[1:] or ["people"]
    with tempfile.TemporaryDirectory() as scratch:
        work = Path(scratch)
        python = install_splink(Path(os.environ.get("VENV", work / "venv")))
        for name in sections:
            if name == "people":
                section(name, records, ["docs", "tuned"], [], python, work)
            elif name == "large":
                # Splink on DuckDB does with less when it may write to the disk.
                section(name, records * 10, ["tuned"], ["11GB"], python, work)
            else:
                sys.exit(f"there is no section {name!r}: people, large")


main()
