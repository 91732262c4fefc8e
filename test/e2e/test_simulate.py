"""sluice simulate: what it finds, says, writes and refuses. Scenarios are minutes of simulated time."""
import json
import os
import pty
import subprocess
import xml.etree.ElementTree as ElementTree

import pytest

from world.program import SLUICE, assert_equation

def scenario(*arguments):
    """Four minutes with 50 events a second, unless the arguments say otherwise."""
    usual = {"--rate": "50/s", "--duration": "4m", "--size": "200B"}
    return ["simulate", *(word for flag in usual if flag not in arguments for word in (flag, usual[flag])), *arguments]


def simulated(sluice, *arguments):
    ended = sluice(*scenario(*arguments, "--json")).end(120)
    assert ended.code == 0, ended
    return json.loads(ended.out)


def assert_sound(found):
    """What holds for every scenario: nothing is lost, and the sums add up."""
    assert_equation(found["account"])
    assert found["finding"] is None
    assert found["delivered"] + found["left"] + found["dead_lettered"] >= found["sent"]
    assert sum(found["causes"].values()) == found["duplicates"]
    assert found["sqs"]["receives_empty"] == found["account"]["receives_empty"]
    assert found["series"][-1]["sent"] == found["sent"]


def test_steady(sluice):
    found = simulated(sluice)
    assert_sound(found)
    assert found["sent"] == found["delivered"] == 12000
    assert found["duplicates"] == found["left"] == found["dead_lettered"] == 0
    assert found["warnings"] == []
    assert len(found["series"]) == 240
    assert found["cost_usd"] == pytest.approx(found["sqs"]["chunks"] * 0.4 / 1e6)


def test_an_outage_fills_the_queue_and_loses_nothing(sluice):
    found = simulated(sluice, "--outage", "1m@1m")
    assert_sound(found)
    assert found["delivered"] == found["sent"]
    assert 3000 <= found["peak_backlog"] <= 3900, "50/s for a minute, and what a pause lasts longer"
    assert 115 <= found["peak_backlog_seconds"] <= 135
    assert 55 <= found["oldest_seconds"] <= 80


def test_a_crash_explains_its_duplicates(sluice):
    found = simulated(sluice, "--crash", "@1m", "--crash", "@2m", "--rate", "300/s", "--replicas", "2")
    assert_sound(found)
    assert found["account"]["abandoned"] > 0
    assert found["delivered"] == found["sent"]
    assert set(found["causes"]) <= {"process cut short", "answer not clean"}


def test_a_deploy_drains(sluice):
    found = simulated(sluice, "--deploy-every", "1m", "--replicas", "2")
    assert_sound(found)
    assert found["duplicates"] == found["account"]["abandoned"] == 0


def test_poison_is_dead_lettered(sluice):
    found = simulated(sluice, "--poison", "1%", "--duration", "20m", "--max-receives", "3")
    assert_sound(found)
    assert 0 < found["dead_lettered"] <= found["poison"]
    assert found["dead_lettered_healthy"] == 0
    assert found["delivered"] == found["sent"] - found["poison"]


def test_a_service_that_is_too_slow(sluice):
    found = simulated(sluice, "--service", "50ms,capacity=1/s", "--batch-count", "20")
    assert_sound(found)
    assert found["delivered"] <= (240 + 25 + 1) * 20, "a batch a second, and while it drains"
    assert any("the backlog can only grow" in warning for warning in found["warnings"])
    assert any("it grows" in warning for warning in found["warnings"])


    said = next(warning for warning in found["warnings"] if "it grows" in warning)
    assert f"with {found['peak_backlog']:,} events" in said, "one peak"


@pytest.mark.parametrize("service", ["30s", "1h"])
def test_a_service_slower_than_the_timeout(sluice, service):
    found = simulated(sluice, "--service", service)
    assert_sound(found)
    assert any("--timeout 20 s is shorter than that" in warning for warning in found["warnings"])
    assert not any("grow" in warning for warning in found["warnings"]), "what would not help is not advised"


def test_a_backlog_at_the_start_is_a_peak(sluice):
    found = simulated(sluice, "--backlog", "5000")
    assert_sound(found)
    assert found["sent"] == 5000 + 12000
    assert found["peak_backlog"] >= 5000 and found["peak_backlog_seconds"] < 2 and found["oldest_seconds"] > 0
    alone = simulated(sluice, "--backlog", "300", "--rate", "1/h")
    assert (alone["peak_backlog"], alone["peak_backlog_seconds"]) == (300, 0)


def test_all_replicas_are_stopped_at_once(sluice):
    """Each has a batch of 20 s under way at the end, and its SIGTERM when the others have theirs."""
    found = simulated(sluice, "--replicas", "8", "--service", "15s")
    assert_sound(found)
    assert 240 <= found["simulated_seconds"] <= 240 + 25
    assert found["account"]["received"] <= 12000


def test_everything_at_once(sluice):
    found = simulated(sluice, "--poison", "5%", "--replicas", "3", "--deploy-every", "1m", "--crash", "@5m", "--throttle",
                      "30%@2m+2m", "--outage", "30s@6m", "--max-receives", "3", "--duration", "10m", "--seed", "3")
    assert_sound(found)
    assert found["dead_lettered"] <= found["poison"] + found["dead_lettered_healthy"]


def test_throttling_costs_requests_alone(sluice):
    found = simulated(sluice, "--throttle", "30%@1m+1m")
    assert_sound(found)
    assert found["delivered"] == found["sent"] and found["duplicates"] == 0
    assert found["service"]["refused"] > 0


def test_a_fifo_queue(sluice):
    found = simulated(sluice, "--from", "orders.fifo", "--outage", "20s@1m")
    assert_sound(found)
    assert found["delivered"] == found["sent"]


@pytest.mark.parametrize("poison, receives", [("1%", 5), ("1%", 2), ("10%", 5), ("5%", 1), ("100%", 1), ("100%", 2), ("100%", 5)])
def test_a_dead_letter_queue_behind_a_fifo_queue(sluice, poison, receives):
    """A dead event holds its group back no longer, and the judge finds all that are dead, also several of one group."""
    found = simulated(sluice, "--from", "orders.fifo", "--poison", poison, "--max-receives", str(receives), "--rate", "10/s")
    assert_sound(found)
    assert found["dead_lettered"] >= found["poison"] - found["left"] and found["dead_lettered"] > 0
    assert found["delivered"] + found["left"] + found["dead_lettered"] == found["sent"]


def test_a_load_from_a_file(sluice, tmp_path):
    (tmp_path / "load").write_text("seconds,events_per_second\n0,10\n60,100\n120,0\n")
    found = simulated(sluice, "--rate", str(tmp_path / "load"))
    assert_sound(found)
    assert found["sent"] == 6600


@pytest.mark.parametrize("rate, duration, sent", [
    ("10/h", "24h", 240), ("20/h", "24h", 480), ("100/m", "10m", 1000), ("1/m", "10m", 10), ("1/s", "10m", 600),
    ("1000/s", "1050ms", 1050)])
def test_even_arrivals_are_exact(sluice, rate, duration, sent):
    assert simulated(sluice, "--rate", rate, "--duration", duration)["sent"] == sent


def test_arrivals_by_chance_keep_their_mean(sluice):
    assert 2200 <= simulated(sluice, "--rate", "10/h,poisson", "--duration", "240h")["sent"] <= 2600


def test_a_seed_is_a_seed(sluice):
    flags = ["--crash", "@1m", "--service", "50ms,p99=400ms", "--rate", "50/s,poisson"]
    first, again, other = (simulated(sluice, *flags, "--seed", seed) for seed in ("7", "7", "8"))
    assert first["trace_hash"] == again["trace_hash"] != other["trace_hash"]
    for changing in ("took_seconds", "account"):
        first.pop(changing), again.pop(changing)
    assert first == again


def test_ranges_over_seeds(sluice):
    found = simulated(sluice, "--seed", "3", "--seeds", "4", "--rate", "50/s,poisson")
    assert [run["seed"] for run in found["runs"]] == [3, 4, 5, 6]
    sent = found["ranges"]["sent"]
    assert sent["least"] == min(run["sent"] for run in found["runs"])
    assert sent["least"] <= sent["median"] <= sent["most"] and sent["least"] < sent["most"]
    ended = sluice(*scenario("--seeds", "3", "--rate", "50/s,poisson")).end(120)
    assert ended.code == 0
    out = ended.out.decode()
    assert "seeds 1 to 3" in out and "least" in out and "median" in out and "most" in out


@pytest.mark.parametrize("locale, marks", [("C", "#"), ("en_US.UTF-8", "█")])
def test_the_report(sluice, locale, marks):
    ended = sluice(*scenario("--outage", "1m@1m"), env={"LC_ALL": locale}).end(120)
    assert ended.code == 0
    out = ended.out.decode()
    for text in ("simulated 4 m", "seed 1", "received ", "= ", "delivered ", "duplicates ", "peak backlog", "oldest event",
                 "SQS requests", "USD", marks, "oooo"):
        assert text in out, f"{text!r} is not in\n{out}"
    chart = out[out.index("  backlog: events"):].splitlines()
    assert max(map(len, chart)) <= 80
    assert ended.err == ""


def test_quiet_says_nothing(sluice):
    ended = sluice(*scenario("-q")).end(120)
    assert (ended.code, ended.out, ended.err) == (0, b"", "")


def test_the_picture(sluice, tmp_path):
    picture = tmp_path / "day.svg"
    assert sluice(*scenario("--outage", "1m@1m", "--svg", picture, "-q")).end(120).code == 0
    root = ElementTree.parse(picture).getroot()
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    kinds = [element.tag.split("}")[1] for element in root]
    assert kinds.count("polygon") == 1 and kinds.count("polyline") == 3
    width, height = float(root.get("width")), float(root.get("height"))
    for element in root:
        for pair in (element.get("points") or "").split():
            x, y = map(float, pair.split(","))
            assert 0 <= x <= width and 0 <= y <= height


def test_the_trace(sluice, tmp_path):
    trace = tmp_path / "trace"
    assert sluice(*scenario("--duration", "10s", "--trace", trace, "-q")).end(120).code == 0
    lines = trace.read_text().splitlines()
    assert any(" committed " in line for line in lines)
    assert [float(line.split()[0]) for line in lines] == sorted(float(line.split()[0]) for line in lines)


def test_progress_on_a_terminal(tmp_path):
    ours, theirs = pty.openpty()
    process = subprocess.Popen([SLUICE, *scenario("--rate", "500/s", "--duration", "10m")], stdout=subprocess.DEVNULL,
                               stderr=theirs, cwd=tmp_path)
    os.close(theirs)
    said = b""
    while True:
        try:
            said += os.read(ours, 4096)
        except OSError:  # the other end is closed
            break
    os.close(ours)
    assert process.wait(120) == 0
    assert b" of 10 m" in said and b" x life" in said and b"backlog" in said


def test_what_the_replicas_log_is_shown_to_who_asks(sluice):
    ended = sluice(*scenario("--log-level", "info", "-q", "--duration", "30s")).end(120)
    assert ended.code == 64 and "-q is a level of its own" in ended.err
    ended = sluice(*scenario("--log-level", "info", "--duration", "30s")).end(120)
    assert ended.code == 0 and "2026-01-01T00:00:" in ended.err and " batch " in ended.err


@pytest.mark.parametrize("arguments, said", [
    ([], ["--rate", "500/s"]),
    (["--rate", "500"], ["--rate 500", "unit", "do:"]),
    (["--rate", "500/s,sometimes"], ["poisson"]),
    (["--rate", "nowhere.csv"], ["nowhere.csv", "No such file"]),
    (["--rate", "5/s", "--outage", "10m"], ["--outage 10m is not DUR@START", "10m@5m"]),
    (["--rate", "5/s", "--duration", "1h", "--outage", "10m@2h"], ["the simulation ends after 1h"]),
    (["--rate", "5/s", "--throttle", "5%@1h"], ["--throttle", "5%@1h+10m"]),
    (["--rate", "5/s", "--crash", "2h"], ["--crash 2h is not @TIME", "@2h"]),
    (["--rate", "5/s", "--service", "fast"], ["--service fast", "50ms"]),
    (["--rate", "5/s", "--price", "much"], ["--price much"]),
    (["--rate", "5/s", "--replicas", "17"], ["--replicas 17", "16"]),
    (["--rate", "5/s", "--seeds", "2", "--trace", "t"], ["--trace", "--seeds"]),
    (["--rate", "5/s", "--bearer-file", "x"], ["--bearer-file"]),
    (["--rate", "5/s", "extra"], ["extra"]),
    (["--rate", "5/s", "--in-flight", "50"], ["--in-flight 50 is too small for these batches", "--in-flight 1300 or more"]),
    (["--rate", "5/s", "--receive-wait", "1500ms"], ["--receive-wait 1s500ms: SQS counts in whole seconds"]),
    (["--rate", "5/s", "--queue-visibility", "10500ms"], ["--queue-visibility 10s500ms: SQS counts in whole seconds"]),
], ids=lambda v: " ".join(v)[-40:].strip() if isinstance(v, list) else None)
def test_usage(sluice, arguments, said):
    ended = sluice("simulate", *arguments).end(20)
    assert ended.code == 64 and ended.out == b"", ended
    for text in said:
        assert text in ended.err, f"{text!r} is not in\n{ended.err}"


@pytest.mark.parametrize("flag", ["--svg", "--trace"])
def test_a_file_that_cannot_be_written(sluice, tmp_path, flag):
    for path, why in (("/nowhere/file", "No such file"), (str(tmp_path), "Is a directory")):
        ended = sluice(*scenario("--duration", "8784h", flag, path)).end(20)
        assert ended.code == 69 and ended.out == b"" and f"{path} can't be written: {why}" in ended.err, ended
    ended = sluice(*scenario("--duration", "20s", flag, "/dev/full")).end(20)
    assert ended.code == 69 and "/dev/full can't be written: " in ended.err, ended
    assert b"delivered " in ended.out and b"backlog: events" in ended.out, "the report is there all the same"


@pytest.mark.parametrize("size", ["40B", "105KB", "256KB"])
def test_sizes_of_events(sluice, size):
    found = simulated(sluice, "--size", size, "--duration", "20s")
    assert_sound(found)
    assert found["delivered"] + found["left"] == 1000 and found["left"] < 20


def test_help_of_from_and_to(sluice):
    """They are names: simulate asks neither a queue nor a service for anything."""
    out = sluice("help", "simulate").end(20).out.decode()
    assert "--from NAME" in out and "--to NAME" in out and "synthetic:" not in out and "NDJSON" not in out


def test_the_largest_seed(sluice):
    largest = str(2 ** 64 - 1)
    assert simulated(sluice, "--seed", largest)["seed"] == int(largest)
    ended = sluice(*scenario("--seed", largest, "--seeds", "2")).end(20)
    assert ended.code == 64 and "beyond the largest seed" in ended.err, ended


def test_bytes_held_are_bounded(sluice):
    """--in-flight-bytes reaches the replicas: what does not fit stays in the queue."""
    few, many = (simulated(sluice, "--size", "100KB", "--duration", "20s", "--in-flight-bytes", size)["delivered"]
                 for size in ("1MiB", "256MiB"))
    assert few < many / 2
