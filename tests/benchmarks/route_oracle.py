#!/usr/bin/env python3
"""Holds `moeperf route` against formulas written again in numpy, from the papers, without its code.

    route_oracle.py MOEPERF [LAUNCHER...]

Routes made-up logits under each score, scheme, limit and rank count, stored as engines and checkpoints store them, and
compares every dataset. LAUNCHER
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


def group_scores(selecting, scores, allowed, o):
    """[T,G] from [T,G,E/G]: of the experts that are allowed; -inf without any."""
    if o.get("group-score") == "max":
        return np.where(allowed, scores, -np.inf).max(axis=-1)
    best = np.sort(np.where(allowed, selecting, -np.inf), axis=-1)[..., -2:]
    return np.where(allowed.any(axis=-1), np.where(best == -np.inf, 0, best).sum(axis=-1), -np.inf)


def choose(scores, logits, bias, o):
    """indices and weights [T,K] of one step's tokens; an expert whose logit is -inf is not to be chosen."""
    selecting = np.where(logits == -np.inf, -np.inf, scores + bias)
    groups = o.get("groups", 1)
    if groups > 1:
        by_group = selecting.reshape(len(scores), groups, -1)
        best = group_scores(by_group, scores.reshape(by_group.shape), logits.reshape(by_group.shape) > -np.inf, o)
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
    if o.get("scope", "global_batch") == "global_batch":
        return [slice(0, TOKENS)], blocks
    if o["scope"] == "local_batch":
        return blocks, blocks
    length = o["sequence-length"]
    return [slice(s, min(s + length, b.stop)) for b in blocks for s in range(b.start, b.stop, length)], blocks


def drop(indices, weights, blocks, o):
    """-1 and 0 where a block's expert is over its capacity; a token of -1 is padding."""
    indices, weights = indices.copy(), weights.copy()
    factor = o.get("capacity-factor", 0)
    if factor == 0:
        return indices, weights
    for block in blocks:
        capacity = int(np.ceil(factor * o["top-k"] * (indices[block] >= 0).any(axis=-1).sum() / EXPERTS))
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
    if load.sum() == 0:
        return bias
    missing = load.mean() - load
    step = o["bias-rate"] * (np.sign(missing) if o.get("bias-rule", "sign") == "sign" else missing / load.mean())
    if o.get("center"):
        step = step - sum(step) / EXPERTS
    return (bias.astype(np.float64) + step).astype(np.float32)


def expected(logits, is_token, bias, ranks, o):
    """logits [S,T,E] in double, is_token [S,T], the first step's bias [E]."""
    rows = {name: [] for name in ("indices", "weights", "tokens_per_expert", "bias", "maxvio", "aux_loss", "aux_grad")}
    losses, blocks = scopes(ranks, o)
    for z, real in zip(logits, is_token):
        indices, weights = np.full((TOKENS, o["top-k"]), -1), np.zeros((TOKENS, o["top-k"]))
        indices[real], weights[real] = choose(SCORES[o.get("score", "softmax")](z[real]), z[real],
                                              bias.astype(np.float64), o)
        load = counts(indices)
        rows["bias"].append(bias)
        rows["tokens_per_expert"].append(load)
        rows["maxvio"].append(load.max() / load.mean() - 1 if load.any() else 0)
        if o["scheme"] == "aux-loss":
            # The step's loss is the mean over tokens of the loss of their scope.
            loss, gradient = 0.0, np.zeros_like(z)
            for tokens in (np.arange(TOKENS)[s][real[s]] for s in losses):
                if tokens.size:
                    share = tokens.size / real.sum()
                    loss += share * aux_loss(z[tokens], indices[tokens], o)
                    gradient[tokens] = share * aux_gradient(z[tokens], indices[tokens], o)
            rows["aux_loss"].append(loss)
            rows["aux_grad"].append(gradient)
        if o["scheme"] == "loss-free":
            bias = next_bias(bias, load, o)
        kept, gates = drop(indices, weights, blocks, o)
        rows["indices"].append(kept)
        rows["weights"].append(gates)
    return {name: np.array(values) for name, values in rows.items() if values}


def bfloat16_bits(values):
    """To nearest, ties to even."""
    words = values.astype(np.float32).view(np.uint32)
    return ((words + 0x7FFF + ((words >> 16) & 1)) >> 16).astype(np.uint16)


def bfloat16_values(bits):
    return (bits.astype(np.uint32) << 16).view(np.float32).astype(np.float64)


def bfloat16_type():
    bfloat16 = h5py.h5t.IEEE_F32LE.copy()
    bfloat16.set_fields(15, 7, 8, 0, 7)
    bfloat16.set_size(2)
    bfloat16.set_ebias(127)
    return bfloat16


# name -> what a value becomes when it is stored so
STORED = {
    "float16": lambda z: z.astype(np.float16).astype(np.float64),
    "bfloat16": lambda z: bfloat16_values(bfloat16_bits(z)),
    "bfloat16 in uint16": lambda z: bfloat16_values(bfloat16_bits(z)),
    "float32": lambda z: z.astype(np.float32).astype(np.float64),
    "float64": lambda z: z,
}


def write_reals(file, name, values, stored):
    if stored == "bfloat16":
        space = h5py.h5s.create_simple(values.shape)
        dataset = h5py.h5d.create(file.id, name.encode(), bfloat16_type(), space)
        dataset.write(h5py.h5s.ALL, h5py.h5s.ALL, bfloat16_bits(values), mtype=bfloat16_type())
    elif stored == "bfloat16 in uint16":
        file[name] = bfloat16_bits(values)
        file[name].attrs["dtype"] = np.bytes_("bfloat16")
    else:
        file[name] = values.astype(stored)


LAYOUTS = {  # of [S,T,E], with two layers more where there are any
    "step,token,expert": lambda z: z,
    "token,step,expert": lambda z: z.transpose(1, 0, 2),
    "token,step,layer,expert": lambda z: np.stack([z + 1, z[..., ::-1]], axis=2)[..., ::-1].transpose(1, 0, 2, 3),
    "layer,step,token,expert": lambda z: np.stack([z - 1, z]),
}


def write_source(folder, logits, is_token, bias, source):
    """The file of logits, and the options that say how it is to be read."""
    layout, options = source["layout"], {}
    with h5py.File(f"{folder}/in.h5", "w") as file:
        write_reals(file, "logits", np.ascontiguousarray(LAYOUTS[layout](logits)), source["stored"])
        if source["named by"] == "file":
            file.attrs["layout"] = np.bytes_(layout)
        elif source["named by"] == "dataset":
            file["logits"].attrs["layout"] = np.bytes_(layout.replace(",", ", "))
        else:
            options["layout"] = layout
        if "layer" in layout:
            options["layer"] = 1
        if source.get("mask") == "tokens":
            file["mask"] = is_token[0]  # booleans
        elif source.get("mask"):
            file["mask"] = is_token.astype(np.int32)
        if source.get("bias") == "file":
            file["bias"] = bias
    if source.get("bias") == "option":
        with h5py.File(f"{folder}/bias.h5", "w") as file:
            file["model/gate/e_score_correction_bias"] = bias
        options["bias"] = f"{folder}/bias.h5:model/gate/e_score_correction_bias"
    return options


def sources():
    """Ways to store logits, without end."""
    names = itertools.cycle(["file", "dataset", "option"])
    for stored, layout in zip(itertools.cycle(STORED), itertools.cycle(LAYOUTS)):
        yield {"stored": stored, "layout": layout, "named by": next(names)}


def cases():
    """Pairs of options of the command and properties of the recording."""
    for options in plain_cases():
        yield options, {}
    grouped = {"groups": 4, "topk-groups": 2}
    for score in SCORES:
        yield {"scheme": "none", "score": score, **grouped, "group-score": "max"}, {"bias": "option"}
        yield {"scheme": "loss-free", "score": score, "bias-rate": 0.01, "center": True}, {"bias": "file"}
        yield {"scheme": "none", "score": score, **grouped}, {"masked": True, "bias": "file"}
        yield {"scheme": "none", "score": score, **grouped, "group-score": "max"}, {"masked": True}
        yield {"scheme": "aux-loss", "score": score, "alpha": 0.3}, {"masked": True, "mask": "steps"}
    yield {"scheme": "none", "softmax-after-topk": True}, {"masked": True, "mask": "tokens"}
    yield {"scheme": "loss-free", "bias-rate": 0.02, "bias-rule": "proportional", "center": True}, {"mask": "steps"}
    yield {"scheme": "aux-loss", "alpha": 0.3, "scope": "sequence", "sequence-length": 5}, {"mask": "steps"}
    yield {"scheme": "aux-loss", "alpha": 0.3, "scope": "local_batch"}, {"mask": "tokens"}
    for policy in ("probability", "position"):
        yield ({"scheme": "aux-loss", "alpha": 0.3, "capacity-factor": 0.75, "drop-policy": policy},
               {"mask": "steps"})


def plain_cases():
    for score in SCORES:
        yield {"scheme": "none", "score": score}
        yield {"scheme": "loss-free", "score": score, "bias-rate": 0.01, "norm-topk": True, "routed-scale": 2.5}
        yield {"scheme": "aux-loss", "score": score, "alpha": 0.3}
    yield {"scheme": "none", "softmax-after-topk": True}
    yield {"scheme": "loss-free", "bias-rate": 0.02, "bias-rule": "proportional", "groups": 4, "topk-groups": 2}
    for scope in ("sequence", "local_batch"):
        yield {"scheme": "aux-loss", "alpha": 0.3, "scope": scope, "sequence-length": 5 if scope == "sequence" else 0}
    for policy in ("probability", "position"):
        yield {"scheme": "aux-loss", "alpha": 0.3, "capacity-factor": 0.75, "drop-policy": policy}


def arguments(options):
    for name, value in options.items():
        yield f"--{name}"
        if value is not True:
            yield str(value)


def replay_faults(moeperf, folder):
    """A trace as an engine dumps it, [token, layer, k] of bytes, is replayed once its layout and layer are named."""
    with h5py.File(f"{folder}/trace.h5", "w") as file:
        first = np.arange(2 * 12).reshape(12, 2, 1)
        file["indices"] = ((first + np.array([0, 3, 7])) % 10).astype(np.uint8)
        file.attrs["num_experts"], file.attrs["top_k"] = np.int32(10), np.int32(3)
    for layout, status, said in ((None, 2, "token,layer,k"), ("token,layer,k", 0, "VALID")):
        named = ["--set", f"traffic.trace.layout='{layout}'", "--set", "traffic.trace.layer=1"] if layout else []
        command = [moeperf, "run", "smoke", "--benchmark", "dispatch", "--scheme", "none", "--dispatcher", "mpi-alltoallv",
                   "--traffic", "trace", "--set", f"traffic.trace.file='{folder}/trace.h5'", *named, "-n", "1",
                   "-o", f"{folder}/report.h5"]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if done.returncode != status or said not in done.stdout + done.stderr:
            yield f"WRONG status {done.returncode} of {' '.join(command)}\n{done.stdout}{done.stderr}"


def main():
    moeperf, launcher = sys.argv[1], sys.argv[2:]
    random = np.random.default_rng(7)
    popularity = np.linspace(2, 0, EXPERTS)
    logits = (random.normal(size=(STEPS, TOKENS, EXPERTS)) + popularity).astype(np.float32).astype(np.float64)
    logits[:, ::5] = np.round(logits[:, ::5])  # ties
    masked = logits.copy()
    masked[random.random(masked.shape) < 0.2] = -np.inf
    enough = [0, 1, 3, 4, 6, 7, 9]  # for three experts in any two groups of four
    masked[..., enough] = logits[..., enough]
    masked[:, 1::4, 3:6] = -np.inf  # a group without any expert
    masked[:, 2::4, 10:] = -np.inf  # a group with one
    padding = random.random((STEPS, TOKENS)) < 0.3
    padding[1] = True  # a whole step
    padding[2, :20] = True  # a whole rank
    bias = (5 + 0.1 * random.normal(size=EXPERTS)).astype(np.float32)
    wrong = tried = 0
    rank_counts = (1, 3) if launcher else (1,)
    with tempfile.TemporaryDirectory() as folder:
        for fault in replay_faults(moeperf, folder):
            print(fault)
            wrong += 1
        for (options, recording), source in zip(cases(), sources()):
            source |= recording
            z = STORED[source["stored"]](masked if source.get("masked") else logits)
            is_token = ~padding if source.get("mask") else np.ones_like(padding)
            if source.get("mask") == "tokens":
                is_token = np.broadcast_to(is_token[0], is_token.shape)
            recorded = np.where(is_token[..., None], z, np.nan)  # nothing looks at padding
            options = {"top-k": 3, **options, **write_source(folder, recorded, is_token, bias, source)}
            first_bias = bias if source.get("bias") else np.zeros_like(bias)
            for ranks in rank_counts:
                command = [*launcher, *([str(ranks)] if launcher else []), moeperf, "route", "--logits",
                           f"{folder}/in.h5", "-o", f"{folder}/out.h5", "--force", *arguments(options)]
                done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
                tried += 1
                if done.returncode:
                    print(f"WRONG {' '.join(command)}, {source}\n{done.stdout}{done.stderr}")
                    wrong += 1
                    continue
                with np.errstate(over="ignore"), h5py.File(f"{folder}/out.h5") as file:
                    for name, want in expected(z, is_token, first_bias, ranks, options).items():
                        got = file[name][...]
                        exact = want.dtype.kind == "i" or name == "bias"
                        tolerance = {"rtol": 1e-6, "atol": 1e-8} if name != "aux_grad" else {"rtol": 1e-4, "atol": 1e-9}
                        if got.shape != want.shape or not (np.array_equal(got, want) if exact else np.allclose(got, want, **tolerance)):
                            print(f"WRONG {name} with {ranks} ranks, {options}, {source}")
                            wrong += 1
    print(f"{tried} routings tried, {wrong} datasets wrong")
    return 1 if wrong or not tried else 0


if __name__ == "__main__":
    sys.exit(main())
