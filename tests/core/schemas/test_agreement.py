"""Both validators of ``trunkline.schemas`` agree with the official JSON Schema test suite.

The suite is in the source distribution of ``jsonschema``, which is fetched once into ``.cache``.
"""

import fcntl
import subprocess
import sys
import tarfile
from importlib.metadata import version
from pathlib import Path

import orjson
import pytest

from trunkline.schemas.budget import Budget
from trunkline.schemas.compiling import compile_validator
from trunkline.schemas.explaining import Explainer

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
"""A busy machine takes a minute to fetch the suite."""
ROOT = Path(__file__).parents[3]
CACHE = ROOT / ".cache" / "json-schema-test-suite"

KEYWORD_FILES = (
    "additionalProperties allOf anchor anyOf boolean_schema const contains content default defs dependentRequired "
    "dependentSchemas dynamicRef enum exclusiveMaximum exclusiveMinimum if-then-else infinite-loop-detection items "
    "maxContains maxItems maxLength maxProperties maximum minContains minItems minLength minProperties minimum "
    "multipleOf not oneOf pattern patternProperties prefixItems properties propertyNames ref required type "
    "unevaluatedItems unevaluatedProperties uniqueItems "
    "optional/anchor optional/bignum optional/dynamicRef optional/ecmascript-regex optional/float-overflow optional/id optional/no-schema "
    "optional/non-bmp-regex optional/refOfUnknownKeyword optional/unknownKeyword"
)
FORMAT_FILES = (
    "date date-time duration ecmascript-regex email hostname idn-email idn-hostname ipv4 ipv6 iri iri-reference "
    "json-pointer regex relative-json-pointer time unknown uri uri-reference uri-template uuid"
)

LEFT_OUT = {
    "format": "says that formats are annotations by default; the hub enforces them",
    "refRemote": "needs documents to be fetched, and the hub never fetches",
    "vocabulary": "needs meta-schemas of its own, and the hub validates by the standard one only",
    "optional/cross-draft": "needs documents of other drafts to be fetched",
    "optional/dependencies-compatibility": "is about a keyword that draft 2020-12 dropped",
    "optional/format-assertion": "needs meta-schemas of its own, and the hub validates by the standard one only",
}
NEEDS_FETCHING = (
    "strict-tree schema, guards against misspelled properties",
    "tests for implementation dynamic anchor and reference link",
    "$ref and $dynamicAnchor are independent of order - $defs first",
    "$ref and $dynamicAnchor are independent of order - $ref first",
    "$ref to $dynamicRef finds detached $dynamicAnchor",
)


@pytest.fixture(scope="session")
def suite():
    """Give the folder of the suite's draft 2020-12; fetch it if it is missing."""
    release = f"jsonschema-{version('jsonschema')}"
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (CACHE / release).is_dir():
            fetch(release)
    return CACHE / release / "json" / "tests" / "draft2020-12"


def fetch(release):
    """Unpack the source distribution of *release* into the cache, completely or not at all."""
    requirement = release.replace("-", "==", 1)
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:"]
    subprocess.run([*pip, requirement, "-d", str(CACHE)], check=True, timeout=240)
    unpacked = CACHE / "unpacked"
    with tarfile.open(CACHE / f"{release}.tar.gz") as archive:
        archive.extractall(unpacked, filter="data")
    (unpacked / release).rename(CACHE / release)


def cases(file):
    """List the cases of *file*: schema, instance, the suite's verdict and a description."""
    for group in orjson.loads(file.read_bytes()):
        schema = {"allOf": [group["schema"]]} if isinstance(group["schema"], bool) else group["schema"]
        for test in group["tests"]:
            yield schema, test["data"], test["valid"], f"{group['description']}: {test['description']}"


def is_unexplained(schema, data):
    return not any(Explainer(schema).iter_errors(data, Budget(1 << 62)))


def disagreements(chosen_cases):
    """List the cases in which a validator differs from the suite."""
    return [
        (about, {"suite": verdict, "validator": fast, "explainer": slow})
        for schema, data, verdict, about in chosen_cases
        for fast, slow in [(compile_validator(schema).is_valid(data), is_unexplained(schema, data))]
        if not fast == slow == verdict
    ]


@pytest.mark.parametrize("name", KEYWORD_FILES.split())
def test_both_judges_agree_with_the_suite_on_every_keyword(suite, name):
    chosen_cases = [case for case in cases(suite / f"{name}.json") if not case[3].startswith(NEEDS_FETCHING)]
    assert chosen_cases
    assert disagreements(chosen_cases) == []


@pytest.mark.parametrize("name", FORMAT_FILES.split())
def test_both_judges_agree_with_the_suite_on_every_format(suite, name):
    chosen_cases = list(cases(suite / "optional" / "format" / f"{name}.json"))
    assert chosen_cases
    assert disagreements(chosen_cases) == []


def test_every_file_of_the_suite_is_run_or_left_out_for_a_reason(suite):
    there = {str(file.relative_to(suite).with_suffix("")) for file in suite.rglob("*.json")}
    formats = {f"optional/format/{name}" for name in FORMAT_FILES.split()}
    assert there == set(KEYWORD_FILES.split()) | formats | set(LEFT_OUT)


@pytest.mark.parametrize("amount", [0.01, 0.07, 19.99, 1.1, 99.0, 1234567.89])
def test_an_amount_in_cents_is_a_multiple_of_a_cent_for_both(amount):
    schema = {"multipleOf": 0.01}
    assert compile_validator(schema).is_valid(amount)
    assert is_unexplained(schema, amount)
