"""Leading singular vectors of large matrices from products alone, with bounds on their error.

Block Krylov: W·Wᵀ is applied again and again to a block of random columns, all that comes out is
kept orthonormal, and W is decomposed within its span (Musco and Musco, arXiv:1504.05477). For an
approximate left singular vector ũ with Ritz value θ = σ̃² of W·Wᵀ and residual ρ, the angle to the
true one is at most arcsin(ρ/gap), where gap is the distance of θ to the other eigenvalues (Davis
and Kahan, 1970); the Ritz values stand for those, made closer by their own residuals.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import pi

import torch

_SEED = 20260822
DENSE = 1024
"""A matrix with no more rows, or no more columns, is decomposed in full: that takes no longer."""
_BLOCK = 8  # columns that W·Wᵀ is applied to at once
_LARGEST = 512  # columns of a span
_SURE = 0.01  # radians
_ROUNDING = 1e3  # of the number type: what is smaller holds no direction

Product = Callable[[torch.Tensor], torch.Tensor]


@dataclass(frozen=True)
class Operator:
    """A matrix W (m, n) as its products.

    Attributes:
        times: X (n, c) to W·X.
        pulled: X (m, c) to Wᵀ·X.
        like: A tensor of the type and on the device of the products.
    """

    shape: tuple[int, int]
    times: Product
    pulled: Product
    like: torch.Tensor

    @classmethod
    def dense(cls, w: torch.Tensor) -> "Operator":
        """Return W itself."""
        rows, columns = w.shape
        return cls((rows, columns), lambda x: w @ x, lambda x: w.T @ x, w)

    def plus(self, b: torch.Tensor, a: torch.Tensor) -> "Operator":
        """Return W + B·A, which is not formed."""
        return Operator(
            self.shape,
            lambda x: self.times(x) + b @ (a @ x),
            lambda x: self.pulled(x) + a.T @ (b.T @ x),
            self.like,
        )


@dataclass(frozen=True)
class Leading:
    """The first k singular vectors.

    Attributes:
        u: (m, k).
        sigma: σ₁ ≥ …, (k,).
        v: (n, k).
        angles: Bounds of the angles between the columns of u and the true ones, (k,); π/2 where
            nothing is known.
    """

    u: torch.Tensor
    sigma: torch.Tensor
    v: torch.Tensor
    angles: torch.Tensor


def leading(matrix: Operator, count: int, *, sure: int) -> Leading:
    """Return the first `count` singular vectors; fewer where W has no more that are not zero.

    Args:
        matrix: W.
        count: k.
        sure: So many of them are waited for: the span grows until they are known to within
            0.01 radians, or it is large enough.
    """
    smaller = min(matrix.shape)
    if smaller <= DENSE:
        eye = torch.eye(matrix.shape[1], dtype=matrix.like.dtype, device=matrix.like.device)
        u, sigma, vt = torch.linalg.svd(matrix.times(eye), full_matrices=False)
        return _bounded(matrix, u, sigma, vt.T, count)
    draw = torch.Generator().manual_seed(_SEED)
    start = torch.randn(matrix.shape[1], _BLOCK, generator=draw, dtype=torch.float64)
    basis = torch.linalg.qr(matrix.times(start.to(matrix.like)))[0]
    last, look = basis, 2 * count
    most = min(max(_LARGEST, 4 * count), smaller)
    while True:
        last = _fresh(matrix.times(matrix.pulled(last)), basis)[:, : most - basis.shape[1]]
        basis = torch.cat([basis, last], dim=1)
        full = basis.shape[1] >= most or not last.shape[1]
        if full or basis.shape[1] >= look:
            v, sigma, rotation = torch.linalg.svd(matrix.pulled(basis), full_matrices=False)
            found = _bounded(matrix, basis @ rotation.T, sigma, v, count)
            if full or bool((found.angles[:sure] < _SURE).all()):
                return found
            look += look // 2


def _bounded(
    matrix: Operator, u: torch.Tensor, sigma: torch.Tensor, v: torch.Tensor, count: int
) -> Leading:
    """Return the first singular vectors, with the bounds that follow from all Ritz values."""
    rounded = 10 * torch.finfo(sigma.dtype).eps * sigma[0]  # what products lose at the least
    residuals = sigma * ((matrix.times(v) - u * sigma).norm(dim=0) + rounded)  # of W·Wᵀ
    angles = _angles(sigma**2, residuals)
    k = min(count, len(sigma))
    return Leading(u[:, :k], sigma[:k], v[:, :k], angles[:k])


def _fresh(columns: torch.Tensor, basis: torch.Tensor) -> torch.Tensor:
    """Return an orthonormal basis of what columns add to `basis`; of what is rounding, nothing."""
    least = _ROUNDING * torch.finfo(columns.dtype).eps
    size = torch.linalg.matrix_norm(columns)
    for _ in range(2):  # once more, for what rounding left of the first time
        columns = columns - basis @ (basis.T @ columns)
        columns, sizes, _ = torch.linalg.svd(columns, full_matrices=False)
        columns = columns[:, sizes > least * size]
        size = torch.ones_like(size)
    return columns


def _angles(values: torch.Tensor, residuals: torch.Tensor) -> torch.Tensor:
    """Return arcsin(ρ/gap) for descending Ritz values, π/2 where the gap is too small."""
    above = (values[:-1] - residuals[:-1]) - values[1:]  # gap of i to i − 1, from the second on
    below = values[:-1] - (values[1:] + residuals[1:])  # gap of i to i + 1, up to the last but one
    wide = values.new_full((1,), torch.inf)
    gaps = torch.minimum(torch.cat([wide, above]), torch.cat([below, wide]))
    known = gaps > residuals
    sines = torch.where(known, residuals / gaps, 1.0)
    return torch.where(known, torch.arcsin(sines.clamp(max=1.0)), pi / 2)


def largest_cosines(matrix: Operator, u: torch.Tensor, *, steps: int = 64) -> torch.Tensor:
    """Return, for each column of u, an upper bound of max_j |⟨u, u_j⟩| over all u_j of W.

    `steps` of Lanczos on W·Wᵀ from u give the Gauss quadrature of the weights ⟨u, u_j⟩² over the
    eigenvalues. No single weight exceeds the sum of two neighbouring ones of the quadrature
    (Chebyshev, Markov and Stieltjes). All columns go through at the same time.

    Args:
        matrix: W.
        u: Unit columns, (m, c).
        steps: t; more make the bound tighter.
    """
    columns = u.shape[1]
    steps = min(steps, len(u))
    basis = u.new_zeros(steps, *u.shape)
    alphas, betas = u.new_zeros(steps, columns), u.new_zeros(steps, columns)
    basis[0] = u / u.norm(dim=0)
    for step in range(steps):
        w = matrix.times(matrix.pulled(basis[step]))
        alphas[step] = (w * basis[step]).sum(0)
        done = basis[: step + 1]
        for _ in range(2):
            w = w - torch.einsum("tmc,tc->mc", done, torch.einsum("tmc,mc->tc", done, w))
        betas[step] = w.norm(dim=0)
        if step + 1 < steps:
            basis[step + 1] = w / betas[step].clamp_min(torch.finfo(w.dtype).tiny)
    return torch.stack([_bound(alphas[:, i], betas[:, i]) for i in range(columns)])


def _bound(alpha: torch.Tensor, beta: torch.Tensor) -> torch.Tensor:
    """Return √max_l(w_l + w_{l+1}) from the tridiagonal matrix of one Lanczos run."""
    scale = float(alpha.abs().max())
    ends = (beta <= 1e-7 * scale).nonzero()  # the space is used up: what follows is rounding
    size = min(int(ends[0]) + 1, len(alpha)) if len(ends) else len(alpha)
    tridiagonal = torch.diag(alpha[:size].double())
    off = beta[: size - 1].double()
    tridiagonal += torch.diag(off, 1) + torch.diag(off, -1)
    weights = torch.linalg.eigh(tridiagonal)[1][0] ** 2
    pairs = weights + torch.cat([weights[1:], weights.new_zeros(1)])
    bound: torch.Tensor = pairs.max().clamp(max=1.0).sqrt().to(alpha.dtype)
    return bound
