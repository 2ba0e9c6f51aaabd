"""Lets half of the requests name what exists, and most be new ones: random names and equal keys never get far."""

import random

import schemathesis
from schemathesis.core.parameters import ParameterLocation

EXISTING = {
    "id": ["plan-1", "1"],
    "uid": ["plan-1"],
    "name": ["blast-radius", "production-weekend", "fuzzed"],
    "namespace": ["shop"],
    "kind": ["Deployment"],
    "version": ["1"],
}


def is_wrong_on_purpose(case, location):
    return case.meta is not None and case.meta.is_negative_at(location)


@schemathesis.hook
def map_case(context, case):
    if not is_wrong_on_purpose(case, ParameterLocation.PATH):
        for name in case.path_parameters or {}:
            if name in EXISTING and random.random() < 0.5:
                case.path_parameters[name] = random.choice(EXISTING[name])
    if not is_wrong_on_purpose(case, ParameterLocation.HEADER):
        headers = case.headers or {}
        if "Idempotency-Key" in headers and random.random() < 0.8:
            del headers["Idempotency-Key"]
        if "If-Match" in headers and random.random() < 0.5:
            headers["If-Match"] = '"1"'
    return case
