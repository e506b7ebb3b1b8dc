#!/usr/bin/env python3
"""Holds `moeperf route` against formulas written again in numpy, from the papers, without its code.

    route_oracle.py MOEPERF [LAUNCHER...]

Routes made-up logits under each score, scheme, limit and rank count and compares every dataset. LAUNCHER
(such as `mpirun -n`) is followed by a number of ranks; without it one process is tried. Exit code: 0 right,
1 wrong, 77 skipped.
"""
import itertools
import subprocess
import sys
import tempfile

try:
    import h5py
    import numpy as np
except ImportError as missing:
    print(f"skipped: {missing} (Debian and Ubuntu: python3-h5py)")
    sys.exit(77)

STEPS, TOKENS, EXPERTS = 4, 37, 12


def softmax(z):
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


SCORES = {
    "softmax": softmax,
    "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
    "sqrt_softplus": lambda z: np.sqrt(np.logaddexp(0, z)),
}


def top(values, count):
    """Indices of the largest, descending; of equals the lower index first."""
    return np.argsort(-values, axis=-1, kind="stable")[..., :count]


def choose(scores, logits, bias, o):
    """indices and weights [T,K] of one step."""
    selecting = scores + bias
    groups = o.get("groups", 1)
    if groups > 1:
        by_group = selecting.reshape(len(scores), groups, -1)
        best = np.sort(by_group, axis=-1)[..., -2:].sum(axis=-1)
        allowed = np.zeros(best.shape, bool)
        np.put_along_axis(allowed, top(best, o["topk-groups"]), True, axis=-1)
        selecting = np.where(allowed[..., None], by_group, -np.inf).reshape(scores.shape)
    indices = top(selecting, o["top-k"])
    if o.get("softmax-after-topk"):
        weights = softmax(np.take_along_axis(logits, indices, axis=-1))
    else:
        weights = np.take_along_axis(scores, indices, axis=-1)
        if o.get("norm-topk"):
            weights = weights / (weights.sum(axis=-1, keepdims=True) + 1e-20)
    return indices, weights * o.get("routed-scale", 1.0)


def counts(indices):
    return np.bincount(indices[indices >= 0], minlength=EXPERTS)


def aux_loss(logits, indices, o):
    """alpha * E / (K T^2) * sum_i c_i sum_t p_ti over the tokens of one scope; p: the scores over their sum."""
    scores = SCORES[o.get("score", "softmax")](logits)
    p = scores / scores.sum(axis=-1, keepdims=True)
    return o["alpha"] * EXPERTS / (o["top-k"] * len(logits) ** 2) * (counts(indices) * p.sum(axis=0)).sum()


def aux_gradient(logits, indices, o):
    """By central differences, the counts held constant."""
    gradient = np.zeros_like(logits)
    h = 1e-5
    for at in np.ndindex(logits.shape):
        up, down = logits.copy(), logits.copy()
        up[at] += h
        down[at] -= h
        gradient[at] = (aux_loss(up, indices, o) - aux_loss(down, indices, o)) / (2 * h)
    return gradient


def scopes(ranks, o):
    """Slices of tokens that share one loss, and the slice of each rank."""
    share, rest = divmod(TOKENS, ranks)
    ends = np.cumsum([share + (r < rest) for r in range(ranks)])
    blocks = [slice(int(e - share - (r < rest)), int(e)) for r, e in enumerate(ends)]
    blocks = [b for b in blocks if b.stop > b.start]
    if o.get("aux-scope", "global_batch") == "global_batch":
        return [slice(0, TOKENS)], blocks
    if o["aux-scope"] == "local_batch":
        return blocks, blocks
    length = o["sequence-length"]
    return [slice(s, min(s + length, b.stop)) for b in blocks for s in range(b.start, b.stop, length)], blocks


def drop(indices, weights, blocks, o):
    """-1 and 0 where a block's expert is over its capacity."""
    indices, weights = indices.copy(), weights.copy()
    factor = o.get("capacity-factor", 0)
    if factor == 0:
        return indices, weights
    for block in blocks:
        capacity = int(np.ceil(factor * o["top-k"] * (block.stop - block.start) / EXPERTS))
        mine, gates = indices[block], weights[block]
        for expert in range(EXPERTS):
            rows, slots = np.nonzero(mine == expert)
            if o.get("drop-policy", "probability") == "probability":
                order = np.argsort(-gates[rows, slots].astype(np.float32), kind="stable")
                rows, slots = rows[order], slots[order]
            mine[rows[capacity:], slots[capacity:]] = -1
            gates[rows[capacity:], slots[capacity:]] = 0
    return indices, weights


def next_bias(bias, load, o):
    missing = load.mean() - load
    step = np.sign(missing) if o.get("bias-rule", "sign") == "sign" else missing / load.mean()
    return (bias.astype(np.float64) + o["bias-rate"] * step).astype(np.float32)


def expected(logits, ranks, o):
    rows = {name: [] for name in ("indices", "weights", "tokens_per_expert", "bias", "maxvio", "aux_loss", "aux_grad")}
    bias = np.zeros(EXPERTS, np.float32)
    losses, blocks = scopes(ranks, o)
    for z in logits.astype(np.float64):
        indices, weights = choose(SCORES[o.get("score", "softmax")](z), z, bias.astype(np.float64), o)
        load = counts(indices)
        rows["bias"].append(bias)
        rows["tokens_per_expert"].append(load)
        rows["maxvio"].append(load.max() / load.mean() - 1)
        if o["scheme"] == "aux-loss":
            # The step's loss is the mean over tokens of the loss of their scope.
            parts = [(aux_loss(z[s], indices[s], o), aux_gradient(z[s], indices[s], o)) for s in losses]
            shares = [(s.stop - s.start) / TOKENS for s in losses]
            rows["aux_loss"].append(sum(share * loss for share, (loss, _) in zip(shares, parts)))
            rows["aux_grad"].append(np.concatenate([share * grad for share, (_, grad) in zip(shares, parts)]))
        if o["scheme"] == "loss-free":
            bias = next_bias(bias, load, o)
        kept, gates = drop(indices, weights, blocks, o)
        rows["indices"].append(kept)
        rows["weights"].append(gates)
    return {name: np.array(values) for name, values in rows.items() if values}


def cases():
    for score in SCORES:
        yield {"scheme": "none", "score": score}
        yield {"scheme": "loss-free", "score": score, "bias-rate": 0.01, "norm-topk": True, "routed-scale": 2.5}
        yield {"scheme": "aux-loss", "score": score, "alpha": 0.3}
    yield {"scheme": "none", "softmax-after-topk": True}
    yield {"scheme": "loss-free", "bias-rate": 0.02, "bias-rule": "proportional", "groups": 4, "topk-groups": 2}
    for scope in ("sequence", "local_batch"):
        yield {"scheme": "aux-loss", "alpha": 0.3, "aux-scope": scope, "sequence-length": 5 if scope == "sequence" else 0}
    for policy in ("probability", "position"):
        yield {"scheme": "aux-loss", "alpha": 0.3, "capacity-factor": 0.75, "drop-policy": policy}


def arguments(options):
    for name, value in options.items():
        yield f"--{name}"
        if value is not True:
            yield str(value)


def main():
    moeperf, launcher = sys.argv[1], sys.argv[2:]
    random = np.random.default_rng(7)
    popularity = np.linspace(2, 0, EXPERTS)
    logits = (random.normal(size=(STEPS, TOKENS, EXPERTS)) + popularity).astype(np.float32)
    logits[:, ::5] = np.round(logits[:, ::5])  # ties
    wrong = tried = 0
    with tempfile.TemporaryDirectory() as folder:
        for dtype in (np.float32, np.float64):
            with h5py.File(f"{folder}/{np.dtype(dtype)}.h5", "w") as file:
                file["logits"] = logits.astype(dtype)
        rank_counts = (1, 3) if launcher else (1,)
        for options, ranks in itertools.product(cases(), rank_counts):
            options = {"top-k": 3, **options}
            source = ("float32", "float64")[tried % 2]
            command = [*launcher, *([str(ranks)] if launcher else []), moeperf, "route", "--logits", f"{folder}/{source}.h5",
                       "-o", f"{folder}/out.h5", "--force", *arguments(options)]
            done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
            tried += 1
            if done.returncode:
                print(f"WRONG {' '.join(command)}\n{done.stdout}{done.stderr}")
                wrong += 1
                continue
            with h5py.File(f"{folder}/out.h5") as file:
                for name, want in expected(logits, ranks, options).items():
                    got = file[name][...]
                    exact = want.dtype.kind == "i" or name == "bias"
                    tolerance = {"rtol": 1e-6, "atol": 1e-8} if name != "aux_grad" else {"rtol": 1e-4, "atol": 1e-9}
                    if got.shape != want.shape or not (np.array_equal(got, want) if exact else np.allclose(got, want, **tolerance)):
                        print(f"WRONG {name} with {ranks} ranks, {options}")
                        wrong += 1
    print(f"{tried} routings tried, {wrong} datasets wrong")
    return 1 if wrong or not tried else 0


if __name__ == "__main__":
    sys.exit(main())
