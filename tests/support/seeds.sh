#!/usr/bin/env bash
# seeds.sh PROGRAM REPLICAS FIRST..LAST [--stand-in]: all of these seeds on all cores. Fails if one
# fails, if a run has less than 50 commits or 2 faults, or if less than a tenth of all runs see a
# view change, a recovery or a checkpoint. Its last line counts.
set -euo pipefail

program=$1
report=$(mktemp)
trap 'rm -f "$report"' EXIT
status=0
"$program" simulate --replicas "$2" --seeds "$3" "${@:4}" --json >"$report" || status=$?
python3 - "$report" <<'PY'
import json
import sys

report = json.load(open(sys.argv[1]))
if "error" in report:
    sys.exit(report["error"]["message"])
runs, failed = report["seeds"], len(report["failures"])
for failure in report["failures"][:5]:
    print(failure["verdict"], failure["violations"], failure["stuck"])
    print("  again:", failure["replay"])
for what in ("view_change", "recovery", "checkpoint"):
    share = report["with_" + what] / runs
    print(f"with a {what.replace('_', ' ')}: {share:.1%}")
    if share < 0.1:
        sys.exit(f"a {what} is rare")
print(f"{report['virtual_ms'] // 1000} virtual seconds, {report['commits']} commits (at least "
      f"{report['commits_min']} a run), {report['faults']} faults (at least "
      f"{report['faults_min']})")
if report["commits_min"] < 50 or report["faults_min"] < 2:
    sys.exit("a run has too few commits or faults")
print(f"Seeds: {runs - failed} passed, {failed} failed, 0 skipped")
PY
exit "$status"
