"""An encoder of wavelet streams of the tests' own: slow, following VDS specification section 9 word by word.

Only the inverse transform, which is tested elsewhere, is the package's.
"""

import itertools
import struct

import numpy as np

F = np.float32


class Geometry:
    """Boxes, roots and children of section 9.3 to 9.5; positions are (x, y, z)."""

    def __init__(self, shape, dims):
        self.dims, self.B, self.M = dims, [tuple(shape)], []
        while max(self.B[-1]) >= 8:
            self.M.append(sum(1 << d for d in range(3) if self.B[-1][d] >= 8))
            self.B.append(tuple((s + 1) // 2 if s >= 8 else s for s in self.B[-1]))
        self.it = len(self.M)
        self.regular = self.it <= 1 or self._regular()

    def subsets(self, mask):
        return [s for s in range(1, 8) if s & mask == s]

    def _regular(self):
        for i in range(1, self.it):
            if self.M[i] != self.M[i - 1]:
                return False
            for s in self.subsets(self.M[i]):
                _, origin, end, c, P, Q = next(iter(self.bands(i, s)))
                for d in range(3):
                    delta = (Q[d] - P[d]) * c[d]
                    if origin[d] != P[d] * c[d] or end[d] - origin[d] != delta:
                        return False
        return True

    def bands(self, i, s):
        B, other = self.B, self.M[i] ^ self.M[i - 1]
        c = [2 if self.M[i] >> d & 1 else 1 for d in range(3)]
        P = [B[i + 1][d] if s >> d & 1 else 0 for d in range(3)]
        Q = [B[i][d] if s >> d & 1 else B[i + 1][d] for d in range(3)]
        kinds = [s] + [s + o for o in self.subsets(other)]
        if s == min(self.subsets(self.M[i])):
            kinds += self.subsets(other)
        for kind in kinds:
            origin = [B[i][d] if kind >> d & 1 else 0 for d in range(3)]
            end = [B[i - 1][d] if kind >> d & 1 else B[i][d] for d in range(3)]
            yield kind, origin, end, c, P, Q

    def children(self, node):
        """Yield (child sector, positions, is a group) by band."""
        i, s, pos = node
        for kind, origin, end, c, P, Q in self.bands(i, s):
            spans, whole, volume = [], True, 1
            for d in range(3):
                more = end[d] - origin[d] > (Q[d] - P[d]) * c[d] and pos[d] == Q[d] - 1
                lo = origin[d] + (pos[d] - P[d]) * c[d]
                hi = lo + c[d] + more
                volume *= hi - lo
                whole &= hi <= end[d]
                spans.append(range(lo, min(hi, end[d])))
            places = [(x, y, z) for z, y, x in itertools.product(*reversed(spans))]
            yield kind, places, self.regular or (whole and volume == 2**self.dims)

    def starts(self):
        if self.it <= 1:
            return self.box((0, 0, 0), self.B[0]), []
        i = self.it - 1
        places, roots = self.box((0, 0, 0), self.B[self.it]), []
        for s in self.subsets(self.M[i]):
            lo = [self.B[i + 1][d] if s >> d & 1 else 0 for d in range(3)]
            hi = [self.B[i][d] if s >> d & 1 else self.B[i + 1][d] for d in range(3)]
            found = self.box(lo, hi)
            places += found
            roots += [(i, s, place) for place in found]
        return places, roots

    @staticmethod
    def box(lo, hi):
        spans = [range(a, b) for a, b in zip(lo, hi, strict=True)]
        return [(x, y, z) for z, y, x in itertools.product(*reversed(spans))]


def packed(bits):
    return np.packbits(np.array(bits, np.uint8), bitorder="little").tobytes()


def encode(coefficients, dims, T, integer=False):
    """Return a stream of method 1, and the coefficients that it stands for by plane from which it is read."""
    shape = coefficients.shape[::-1]
    g = Geometry(shape, dims)
    at = lambda p: coefficients[p[::-1]]  # noqa: E731
    starts, roots = g.starts()
    q = np.floor(np.abs(coefficients) / T).astype(int)

    memo = {}

    def below(node, direct=True):
        """The largest quantised value of all descendants; without those that are children."""
        if (node, direct) not in memo:
            values = [0]
            for kind, places, _ in g.children(node):
                if direct:
                    values += [q[p[::-1]] for p in places]
                if node[0] > 1:
                    values += [below((node[0] - 1, kind, p)) for p in places]
            memo[node, direct] = max(values)
        return memo[node, direct]

    top = int(max([below(r) for r in roots], default=0)).bit_length() - 1
    insig, sig, lists = list(roots), [], ([], [])
    known = [{}, {}]
    body = b""
    cuts = {}
    for b in range(top, -1, -1):
        ic = sc = 0
        before = [len(values) for values in lists]
        while ic < len(insig) or sc < len(sig):
            if ic < len(insig):
                hits = [below(node) >= 1 << b for node in insig[ic:]]
                body += packed(hits)
                batch, insig = insig[ic:], insig[:ic]
                for node, hit in zip(batch, hits, strict=True):
                    if not hit:
                        insig.append(node)
                        continue
                    if node[0] > 1:
                        sig.append(node)
                    for _, places, group in g.children(node):
                        lists[0 if group else 1].extend(places)
                ic = len(insig)
            if sc < len(sig):
                hits = [below(node, direct=False) >= 1 << b for node in sig[sc:]]
                body += packed(hits)
                batch, sig = sig[sc:], sig[:sc]
                for node, hit in zip(batch, hits, strict=True):
                    if not hit:
                        sig.append(node)
                        continue
                    for kind, places, _ in g.children(node):
                        insig += [(node[0] - 1, kind, p) for p in places]
                sc = len(sig)
        for k in range(1 if g.regular else 2):
            body += packed([q[p[::-1]] >> b & 1 for p in lists[k]])
            body += packed([at(p) < 0 for p in lists[k][before[k] :]])
            known[k][b] = len(lists[k])
        cuts[b] = len(body)
    # Members of a group: 2 to the dimensions, or to those that are split in a regular tree.
    size = 2 ** (bin(g.M[1]).count("1") if g.regular and g.it > 1 else dims)
    tables = [[known[k].get(b, 0) // (size if k == 0 else 1) for b in range(16)] for k in range(1 if g.regular else 2)]
    raw = b"".join(struct.pack("<f", at(p)) for p in starts)
    front = b"".join(struct.pack("<16i", *t) for t in tables) + raw
    tree = front + body
    S = float(F(T) * 2.0**top) if top >= 0 else T / 2
    head = struct.pack("<ii", 4, -1) + struct.pack("<ffi", T, S, len(tree))
    flags = 3 if integer else 0
    total = (24 + len(head) + len(tree) + 3) // 4 * 4
    stream = struct.pack("<6i", 673, total, *shape, dims | flags << 8) + head + tree
    ends = {b: 24 + len(head) + len(front) + cut for b, cut in cuts.items()}

    def meant(bottom):
        out = np.zeros(coefficients.shape, F)
        for p in starts:
            out[p[::-1]] = at(p)
        for values in lists:
            for p in values:
                if below_known(p, bottom):
                    value = F(0) if integer else F(T) / F(2)
                    for b in range(bottom, top + 1):
                        value += F(T) * F(2.0**b) * F(q[p[::-1]] >> b & 1)
                    out[p[::-1]] = -value if at(p) < 0 else value
        return out

    def below_known(p, bottom):
        return any(p in values[: known[k].get(bottom, 0)] for k, values in enumerate(lists))

    return stream.ljust(total, b"\0"), meant, ends


def coefficients_of(shape, seed):
    """Numbers that get smaller towards finer levels, like those of smooth data."""
    rng = np.random.default_rng(seed)
    z, y, x = np.meshgrid(*[np.arange(n) for n in reversed(shape)], indexing="ij")
    size = 60 * np.exp(-3.0 * np.maximum(np.maximum(x / shape[0], y / shape[1]), z / shape[2]))
    return (rng.standard_t(2, shape[::-1]) * size).astype(F)


def inverse(data, shape, dims):
    """The transform is tested elsewhere; here it turns coefficients into what must come out."""
    from mdio_vds.wavelet.bands import pyramid
    from mdio_vds.wavelet.transform import LOW_SCALE
    from mdio_vds.wavelet.transform import inverse as run

    p = pyramid(shape, dims)
    out = data.copy()
    run(out.reshape(-1), p.sizes, p.masks, LOW_SCALE)
    return out


def levels_of(stream, ends):
    """Return the 16 level bytes of a stream."""
    levels, length = [], len(stream)
    for level in sorted(ends)[:16]:
        levels.append(-(-ends[level] * 255 // length))
        length = length * levels[-1] // 255
    return bytes(levels).ljust(16, b"\0")
