"""Lets half of the requests name what exists, and most be new ones: random names and equal keys never get far."""

import random

import schemathesis

EXISTING = {
    "id": ["plan-1", "1"],
    "uid": ["plan-1"],
    "name": ["blast-radius", "production-weekend", "fuzzed"],
    "namespace": ["shop"],
    "kind": ["Deployment"],
    "version": ["1"],
}


@schemathesis.hook
def map_path_parameters(context, path_parameters):
    for name in path_parameters or {}:
        if name in EXISTING and random.random() < 0.5:
            path_parameters[name] = random.choice(EXISTING[name])
    return path_parameters


@schemathesis.hook
def map_headers(context, headers):
    if headers and "Idempotency-Key" in headers and random.random() < 0.8:
        del headers["Idempotency-Key"]
    if headers and "If-Match" in headers and random.random() < 0.5:
        headers["If-Match"] = '"1"'
    return headers
