"""Element-wise functions."""

import torch
from torch import special
from torch.nn import functional as F

from .inputs import positive, uniform

X = uniform(3, 7, low=-4.0, high=4.0)
UNIT = uniform(3, 7, low=-0.95, high=0.95)
POSITIVE = positive(3, 7)


def one(name, function, x=X):
    return (name, [x], function)


CASES = [
    one("relu", F.relu),
    one("leaky_relu", lambda x: F.leaky_relu(x, 0.2)),
    one("sigmoid", torch.sigmoid),
    one("tanh", torch.tanh),
    one("elu", lambda x: F.elu(x, 0.7)),
    one("softplus", lambda x: F.softplus(x, 2.0, threshold=1e9)),
    one("clipped_relu", lambda x: torch.clamp(x, 0, 2.5)),
    one("relu6", lambda x: torch.clamp(x * 3, 0, 6)),
    one("hard_sigmoid", lambda x: torch.clamp(0.2 * x + 0.5, 0, 1)),
    one("selu", F.selu),
    one("silu", F.silu),
    one("gelu", F.gelu),
    one("gelu__tanh", lambda x: F.gelu(x, approximate="tanh")),
    one("mish", F.mish),
    one("exp", torch.exp),
    one("expm1", torch.expm1),
    one("log", torch.log, POSITIVE),
    one("log1p", torch.log1p, uniform(3, 7, low=-0.9, high=4)),
    one("log2", torch.log2, POSITIVE),
    one("log10", torch.log10, POSITIVE),
    one("sqrt", torch.sqrt, POSITIVE),
    one("rsqrt", torch.rsqrt, POSITIVE),
    one("square", torch.square),
    one("abs", torch.abs),
    one("absolute", torch.abs),
    one("floor", torch.floor),
    one("ceil", torch.ceil),
    one("fix", torch.trunc),
    one("sign", torch.sign),
    one("clip", lambda x: torch.clamp(x, -0.5, 0.8)),
    one("sin", torch.sin),
    one("cos", torch.cos),
    one("tan", torch.tan, UNIT),
    one("arcsin", torch.asin, UNIT),
    one("arccos", torch.acos, UNIT),
    one("arctan", torch.atan),
    one("sinh", torch.sinh),
    one("cosh", torch.cosh),
    one("arcsinh", torch.asinh),
    one("arccosh", torch.acosh, positive(3, 7, low=1.1, high=5)),
    one("arctanh", torch.atanh, UNIT),
    one("erf", torch.erf),
    one("erfc", torch.erfc),
    one("erfcx", special.erfcx, uniform(4, 9, low=-2, high=30)),
    one("erfinv", torch.erfinv, UNIT),
    one("erfcinv", lambda x: torch.erfinv(1 - x), uniform(3, 7, low=0.05, high=1.95)),
    one("ndtr", special.ndtr),
    one("ndtri", special.ndtri, uniform(4, 9, low=0.001, high=0.999)),
    one("log_ndtr", special.log_ndtr, uniform(4, 9, low=-30, high=4)),
    one("lgamma", torch.lgamma, POSITIVE),
    one("digamma", torch.digamma, positive(4, 9, low=0.1, high=30)),
    one("polygamma", lambda x: torch.polygamma(2, x), positive(4, 9, low=0.3, high=30)),
    ("arctan2", [X, X], torch.atan2),
    ("fmod", [X, positive(7, low=0.7, high=2)], torch.fmod),
    ("add", [uniform(2, 3, 4), uniform(3, 1)], torch.add),
    ("sub", [uniform(2, 3, 4), uniform(3, 1)], torch.sub),
    ("mul", [uniform(2, 3, 4), uniform(3, 1)], torch.mul),
    ("div", [uniform(2, 3, 4), positive(3, 1)], torch.div),
    ("pow", [positive(2, 3, 4), uniform(3, 1)], torch.pow),
    ("maximum", [X, X], torch.maximum),
    ("minimum", [X, X], torch.minimum),
]
