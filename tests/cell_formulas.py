"""The cells of contrib.rnn in NumPy, from the papers' formulas, as an oracle for tests.

Each formula takes the weights by name, the inputs of one step and the flat state, a list of arrays,
and answers with the output and the next flat state. Nothing of the library or of TensorFlow is
imported.
"""

import functools

import numpy as np
from reference import sigmoid

tanh = np.tanh


def relu(z):
    return np.maximum(z, 0)


def split(z, parts):
    return np.split(z, parts, axis=-1)


def join(*arrays):
    return np.concatenate(arrays, axis=-1)


def lstm_gates(z, c, w, forget=1.0, clip=None, act=tanh):
    """c' and h' of the gates i, j, f, o before their functions, with peepholes where w has them."""
    i, j, f, o = z
    p_i, p_f, p_o = (w.get(f"w_{gate}_diag", 0.0) for gate in "ifo")
    c = sigmoid(f + forget + p_f * c) * c + sigmoid(i + p_i * c) * act(j)
    c = c if clip is None else np.clip(c, -clip, clip)
    return c, sigmoid(o + p_o * c) * act(c)


def lstm(w, x, state, **options):
    c, h = state
    z = split(join(x, h) @ w["kernel"] + w["bias"], 4)
    c, h = lstm_gates(z, c, w, **options)
    return h, [c, h]


def gru(w, x, state, names=("gates/kernel", "gates/bias", "candidate/kernel", "candidate/bias")):
    (h,) = state
    k, b, kc, bc = (w[name] for name in names)
    r, u = split(sigmoid(join(x, h) @ k + b), 2)
    h = u * h + (1 - u) * tanh(join(x, r * h) @ kc + bc)
    return h, [h]


def ugrnn(w, x, state):
    (h,) = state
    g, c = split(join(x, h) @ w["kernel"] + w["bias"], 2)
    g = sigmoid(g + 1.0)
    h = g * h + (1 - g) * tanh(c)
    return h, [h]


def intersection(w, x, state):
    (s,) = state
    if "in_projection/kernel" in w:
        x = x @ w["in_projection/kernel"] + w["in_projection/bias"]
    gh, h, gy, y = split(join(x, s) @ w["kernel"] + w["bias"], 4)
    gh, gy = sigmoid(gh + 0.5), sigmoid(gy + 0.5)
    return gy * x + (1 - gy) * relu(y), [gh * s + (1 - gh) * tanh(h)]


def nas(w, x, state):
    c, h = state
    hs = split(h @ w["recurrent_kernel"] + w.get("bias", 0.0), 8)
    xs = split(x @ w["kernel"], 8)
    a = [
        sigmoid(xs[0] + hs[0]),
        relu(xs[1] + hs[1]),
        sigmoid(xs[2] + hs[2]),
        relu(xs[3] * hs[3]),
        tanh(xs[4] + hs[4]),
        sigmoid(xs[5] + hs[5]),
        tanh(xs[6] + hs[6]),
        sigmoid(xs[7] + hs[7]),
    ]
    b = [tanh(a[0] * a[1]), tanh(a[2] + a[3]), tanh(a[4] * a[5]), sigmoid(a[6] + a[7])]
    c = tanh(b[0] + c) * b[1]
    h = tanh(c * tanh(b[2] + b[3]))
    h = h @ w["projection_weights"] if "projection_weights" in w else h
    return h, [c, h]


def sru(w, x, state):
    (c,) = state
    bar, f, r, skip = split(x @ w["kernel"], 4)
    b_f, b_r = split(w["bias"], 2)
    f, r = sigmoid(f + b_f), sigmoid(r + b_r)
    c = f * c + (1 - f) * bar
    return r * tanh(c) + (1 - r) * skip, [c]


def minimal(w, x, state):
    (h,) = state
    kernel, gates = np.split(w["kernel"], [x.shape[1]])
    z = tanh(x @ kernel)
    u = sigmoid(join(z, h) @ gates + w["bias"])
    h = u * h + (1 - u) * z
    return h, [h]


def cfn(w, x, state):
    (h,) = state
    v_f, v_i, kernel = split(w["kernel"], 3)
    u_f, u_i = split(w["recurrent_kernel"], 2)
    b_f, b_i = split(w["bias"], 2)
    f, i = sigmoid(x @ v_f + h @ u_f + b_f), sigmoid(x @ v_i + h @ u_i + b_i)
    h = f * tanh(h) + (1 - i) * tanh(x @ kernel)
    return h, [h]


def ind_rnn(w, x, state):
    (h,) = state
    h = tanh(x @ w["kernel_w"] + h * w["kernel_u"] + w["bias"])
    return h, [h]


def indy_gru(w, x, state):
    (h,) = state
    z = x @ w["gates/kernel_w"] + join(h, h) * w["gates/kernel_u"] + w["gates/bias"]
    r, u = split(sigmoid(z), 2)
    z = x @ w["candidate/kernel"] + r * h * w["candidate/kernel_u"] + w["candidate/bias"]
    h = u * h + (1 - u) * tanh(z)
    return h, [h]


def indy_lstm(w, x, state):
    c, h = state
    z = x @ w["kernel_w"] + join(h, h, h, h) * w["kernel_u"] + w["bias"]
    c, h = lstm_gates(split(z, 4), c, {}, forget=0.3)
    return h, [c, h]


def norm(w, name, x):
    deviation = np.sqrt(((x - x.mean(1, keepdims=True)) ** 2).mean(1, keepdims=True) + 1e-12)
    return (x - x.mean(1, keepdims=True)) / deviation * w[f"{name}/gamma"] + w[f"{name}/beta"]


def norm_lstm(w, x, state, clip=None, proj_clip=None):
    c, h = state
    names = ("input", "transform", "forget", "output")
    z = split(join(x, h) @ w["kernel"], 4)
    i, j, f, o = (norm(w, name, part) for name, part in zip(names, z, strict=True))
    p_i, p_f, p_o = (w.get(f"w_{gate}_diag", 0.0) for gate in "ifo")
    c = sigmoid(f + 1 + p_f * c) * c + sigmoid(i + p_i * c) * tanh(j)
    c = norm(w, "state", c)
    c = c if clip is None else np.clip(c, -clip, clip)
    h = sigmoid(o + p_o * c) * tanh(c)
    if "projection/kernel" in w:
        h = np.clip(h @ w["projection/kernel"], -proj_clip, proj_clip)
    return h, [c, h]


def weight_norm(w, x, state):
    w = {name.removeprefix("wn_lstm_cell/"): array for name, array in w.items()}
    c, h = state

    def unit(kernel, lengths):
        return kernel / np.sqrt((kernel**2).sum(0)) * lengths

    z = x @ unit(w["kernel"][: x.shape[1]], w["norm_0"]) + h @ unit(
        w["kernel"][x.shape[1] :], w["norm_1"]
    )
    c, h = lstm_gates(split(z + w["bias"], 4), c, w, clip=0.7)
    h = h @ unit(w["projection/kernel"], w["projection/norm_0"])
    return h, [c, h]


def coupled(w, x, state):
    c, h = split_at(state[0], 4)
    w = {**w, "W": np.concatenate([w["W_0"], w["W_1"]]), "P": w.get("W_P_0")}
    z = split(join(x, h) @ w["W"], 3)
    if "state/gamma" in w:
        z = [norm(w, n, a) for n, a in zip(("transform", "forget", "output"), z, strict=True)]
    else:
        z = split(join(x, h) @ w["W"] + w["B"], 3)
    j, f, o = z
    f = sigmoid(f + 1.0 + w.get("W_F_diag", 0.0) * c)
    c = f * c + (1 - f) * tanh(j)
    c = norm(w, "state", c) if "state/gamma" in w else c
    h = sigmoid(o + w.get("W_O_diag", 0.0) * c) * tanh(c)
    h = h if w["P"] is None else np.clip(h @ w["P"], -0.2, 0.2)
    return h, [join(c, h)]


def split_at(z, *places):
    return np.split(z, places, axis=-1)


def group_lstm(w, x, state):
    c, h = state
    parts = [
        split(join(x_n, h_n) @ w[f"group{n}/kernel"], 4)
        for n, (x_n, h_n) in enumerate(zip(split(x, 2), split(h, 2), strict=True))
    ]
    z = [
        join(*gate) + w[f"bias_{n}"]
        for n, gate in zip("ijfo", zip(*parts, strict=True), strict=True)
    ]
    c, h = lstm_gates(z, c, {})
    h = h @ w["projection/kernel"]
    return h, [c, h]


def phased(w, x, state):
    time, x = x
    c, h = state
    i, f = split(sigmoid(join(x, h, c) @ w["mask_gates/kernel"] + w["mask_gates/bias"]), 2)
    new_c = f * c + i * tanh(join(x, h) @ w["new_input/kernel"] + w["new_input/bias"])
    o = sigmoid(join(x, h, new_c) @ w["output_gate/kernel"] + w["output_gate/bias"])
    new_h = o * tanh(new_c)
    phi = np.mod(time - w["phase"], w["period"]) / w["period"]
    r = w["ratio_on"]
    k = np.where(phi < r / 2, 2 * phi / r, np.where(phi < r, 2 - 2 * phi / r, 0.1 * phi))
    c, h = k * new_c + (1 - k) * c, k * new_h + (1 - k) * h
    return h, [c, h]


def convolution(w, x, state):
    """Any number of axes, odd sizes of the kernel, zeros around."""
    c, h = state
    seen, kernel = join(x, h), w["kernel"]
    sizes = kernel.shape[:-2]
    around = [(0, 0), *((size // 2, size // 2) for size in sizes), (0, 0)]
    padded = np.pad(seen, around)
    z = np.zeros([*seen.shape[:-1], kernel.shape[-1]])
    for at in np.ndindex(*sizes):
        cut = tuple(slice(a, a + n) for a, n in zip(at, seen.shape[1:-1], strict=True))
        z = z + padded[(slice(None), *cut)] @ kernel[at]
    c, h = lstm_gates(split(z + w["biases"], 4), c, {})
    return join(h, x), [c, h]


def time_frequency(w, x, state):
    parts, before, after = split(state[0], 6), np.zeros([len(x), 2]), []
    for n in range(3):
        c, h = parts[2 * n : 2 * n + 2]
        z = join(x[:, n : n + 2], h, before) @ w["W_0"] + w["B"]
        peepholes = {f"w_{gate}_diag": w[f"W_{gate.upper()}_diag"] for gate in "ifo"}
        c, before = lstm_gates(split(z, 4), c, peepholes, clip=0.8)
        after += [c, before]
    return join(*after[1::2]), [join(*after)]


def grid(w, blocks, state, scope="", coupled=False, shared=False):
    """Blocks of windows, the flat state -> flat outputs, flat state."""
    outputs, after = [], []
    for block, windows in enumerate(blocks):
        along_c = along_h = np.zeros_like(state[0])
        for window in windows:
            c, h = state[len(after) : len(after) + 2]
            seen, cs = join(window, h, along_h), (along_c, c)
            kinds = [("f", "freq"), ("f", "freq") if shared else ("t", "time")]
            gates = [grid_gates(w, scope, block, kind, seen, cs, coupled) for kind in kinds]
            new = [f * c + i * tanh(j) for (i, j, f, _, _), c in zip(gates, cs, strict=True)]
            hs = [
                sigmoid(o + peep("O", new)) * tanh(c)
                for (*_, o, peep), c in zip(gates, new, strict=True)
            ]
            (along_c, c), (along_h, h) = new, hs
            outputs += [h, along_h]
            after += [c, h]
    return outputs, after


def grid_gates(w, scope, block, kind, seen, cs, coupled):
    """i, j, f, o and the peepholes of one of the two LSTMs."""
    z = seen @ w[f"{scope}W_{kind[0]}_{block}_0"] + w[f"{scope}B_{kind[0]}_{block}"]
    peep = functools.partial(peeped, w, scope, kind[1], block)
    i, j, *f, o = split(z, 3 if coupled else 4)
    i = sigmoid(i + peep("I", cs))
    return i, j, sigmoid(f[0] + 1 + peep("F", cs)) if f else 1 - i, o, peep


def peeped(w, scope, word, block, gate, cs):
    names = [f"{scope}W_{gate}_diag_{word}{axis}_{block}" for axis in "ft"]
    return sum(w[name] * c for name, c in zip(names, cs, strict=True) if name in w)


def grid_of_blocks(w, x, state):
    outputs, after = grid(w, [[x[:, :2], x[:, 1:3]], [x[:, 2:]]], state)
    return join(*outputs), after


def grid_both_ways(w, x, state):
    options = {"coupled": True, "shared": True}
    moved = join(x, np.zeros([len(x), 1]))
    there = [x[:, n : n + 2] for n in (0, 2)]
    back = [moved[:, n + 1 : n + 3] for n in (2, 0)]
    outputs, after = grid(w, [there], state[:4], "fwd/", **options)
    outputs_back, after_back = grid(w, [back], state[4:], "bwd/", **options)
    return join(*outputs, *outputs_back), after + after_back


def inside(w, name):
    """The weights of the cell inside of a wrapper."""
    return {n.removeprefix(name): a for n, a in w.items() if n.startswith(name)}


def embedding(w, x, state):
    return gru(inside(w, "gru_cell/"), w["embedding"][x[:, 0]], state)


def projected_in(w, x, state):
    return gru(inside(w, "gru_cell/"), tanh(x @ w["kernel"] + w["bias"]), state)


def projected_out(w, x, state):
    output, state = gru(inside(w, "gru_cell/"), x, state)
    return output @ w["kernel"] + w["bias"], state


def highway(w, x, state):
    output, state = gru(inside(w, "gru_cell/"), x, state)
    carry = sigmoid(x @ w["carry_w"] + w["carry_b"])
    transform = sigmoid(x @ w["transform_w"] + w["transform_b"])
    return carry * x + transform * output, state


def attention(w, x, state):
    c, h, attended, window = state
    window = window.reshape(len(x), 3, 5)
    x = join(x, attended) @ w["kernel"] + w["bias"]
    output, (c, h) = lstm(inside(w, "basic_lstm_cell/"), x, [c, h])
    query = join(c, h) @ w["attention/kernel"] + w["attention/bias"]
    features = tanh(window @ w["attention/attn_w"][0, 0] + query[:, None])
    scores = np.exp((features * w["attention/attn_v"]).sum(2))
    attended = ((scores / scores.sum(1, keepdims=True))[:, :, None] * window).sum(1)
    output = join(output, attended) @ w["attn_output_projection/kernel"]
    output = output + w["attn_output_projection/bias"]
    window = np.concatenate([window[:, 1:], output[:, None]], axis=1)
    return output, [c, h, attended, window.reshape(len(x), -1)]
