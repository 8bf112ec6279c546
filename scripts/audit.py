"""
Asks for known advisories about the pinned packages, and says plainly when nobody could be asked.

`pip-audit` ends with 1 for a vulnerable package as well as without a network. Here 1 means that a
package is vulnerable, and 2 that nothing is known.
"""

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence

VULNERABLE, UNKNOWN = 1, 2


def main(pip_audit: str, *files: str) -> int:
    """Audit the files; the answer is the exit code."""
    worst = 0
    for file in files:
        found = advisories(pip_audit, file)
        if found is None:
            print(f"{file}: NOT AUDITED. The advisories could not be reached; nothing is known.")
            return UNKNOWN
        for advisory in found:
            print(f"{file}: {advisory}")
        print(f"{file}: {len(found) or 'no'} known vulnerabilities.")
        worst = max(worst, VULNERABLE if found else 0)
    return worst


def advisories(pip_audit: str, file: str) -> Sequence[str] | None:
    """What is known to be wrong with the packages of a file; None when nobody could be asked."""
    # With --strict a package that could not be looked up is an error, not a good one.
    options = ("--strict", "--require-hashes", "--disable-pip", "--progress-spinner=off")
    run = subprocess.run(  # noqa: S603 - what the Makefile names
        [pip_audit, *options, "--format=json", f"--requirement={file}"],
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    try:
        return list(_told(json.loads(run.stdout)))
    except (ValueError, LookupError):
        return None


def _told(report: dict[str, list[dict[str, object]]]) -> Iterator[str]:
    for package in report["dependencies"]:
        if "skip_reason" in package:
            raise LookupError("A package was not looked up.")
        vulnerabilities = package["vulns"]
        assert isinstance(vulnerabilities, list)  # noqa: S101 - so it is documented
        for one in vulnerabilities:
            fixed = ", ".join(one["fix_versions"]) or "no version yet"
            yield f"{package['name']} {package['version']}: {one['id']}, mended in {fixed}"


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
