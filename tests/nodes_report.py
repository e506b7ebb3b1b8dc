#!/usr/bin/env python3
"""Holds a report of dispatch and combine over several nodes against what must be so.

    nodes_report.py all REPORT DISPATCHERS.json     every dispatcher that `moeperf list dispatchers --json` names was
                                                    measured over the nodes, or skipped with its reason
    nodes_report.py ratio REPORT FLAT FRUGAL RATE   FRUGAL sends fewer bytes between nodes than FLAT, and dispatch is
                                                    faster by the ratio of these bytes, within a quarter; neither
                                                    sends more than RATE bytes per second, of all nodes together
"""
import json
import statistics
import sys

import h5py

TOLERANCE = 0.25


def fail(message):
    sys.exit(f"{sys.argv[2]}: {message}")


def cases_of(report, benchmark, dispatcher):
    return [case for case in report["cases"].values()
            if (text(case["coordinates"], "benchmark"), text(case["coordinates"], "dispatcher")) == (benchmark, dispatcher)]


def text(group, name):
    value = group.attrs[name]
    return value.decode() if isinstance(value, bytes) else str(value)


def inter_bytes(case, phase):
    return float(case["work"][phase].attrs["wire_bytes_inter"])


def check_all(report, dispatchers):
    measured = 0
    for entry in json.load(open(dispatchers))["dispatchers"]:
        name = entry["name"]
        for benchmark in ("dispatch", "combine"):
            cases = cases_of(report, benchmark, name)
            if not cases:
                fail(f"no case of {benchmark} with {name}")
            for case in cases:
                skipped = text(case, "skip_reason")
                if not skipped:
                    measured += 1
                    if case["verification"].attrs["passed"] != 1:
                        fail(f"{benchmark} with {name} is wrong")
                    if not inter_bytes(case, benchmark) > 0:
                        fail(f"{benchmark} with {name} books no bytes between nodes")
            reasons = {text(case, "skip_reason") for case in cases} - {""}
            print(f"{benchmark:8} {name:16} " + ("; ".join(reasons) if reasons else
                                                 f"{inter_bytes(cases[0], benchmark):.0f} bytes between nodes"))
    if not measured:
        fail("no dispatcher was measured")


def check_ratio(report, flat, frugal, rate):
    bytes_of, time_of = {}, {}
    for name in (flat, frugal):
        cases = cases_of(report, "dispatch", name)
        if len(cases) != 1 or text(cases[0], "skip_reason"):
            fail(f"dispatch with {name} was not measured: {[text(case, 'skip_reason') for case in cases]}")
        samples = cases[0]["samples"]["dispatch"][...]
        bytes_of[name] = inter_bytes(cases[0], "dispatch")
        time_of[name] = statistics.median(samples.max(axis=1).tolist())
        print(f"dispatch {name:16} {bytes_of[name] / 1e6:8.3f} MB between nodes, {time_of[name] * 1e3:8.2f} ms "
              f"({samples.shape[0]} samples)")
        if bytes_of[name] / time_of[name] > float(rate):
            fail(f"{name} is faster than the network: {bytes_of[name] / time_of[name]:.3g} bytes per second")
    by_bytes, by_time = bytes_of[flat] / bytes_of[frugal], time_of[flat] / time_of[frugal]
    print(f"{flat} over {frugal}: {by_bytes:.3f} times the bytes, {by_time:.3f} times the time")
    if not by_bytes > 1:
        fail(f"{frugal} sends no fewer bytes between nodes than {flat}")
    if not abs(by_time / by_bytes - 1) <= TOLERANCE:
        fail(f"the ratio of times is not that of bytes within {TOLERANCE:.0%}")


def main():
    what, path, *rest = sys.argv[1:]
    with h5py.File(path) as report:
        if text(report, "status") != "VALID":
            fail(f"status {text(report, 'status')}")
        {"all": check_all, "ratio": check_ratio}[what](report, *rest)


main()
