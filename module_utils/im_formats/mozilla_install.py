"""The install hash of a Mozilla product: how profiles.ini names one installation among others."""

from __future__ import annotations

import struct

_MASK = (1 << 64) - 1
_K0, _K1, _K2, _K3 = 0xC3A5C85C97CB3127, 0xB492B66FBE98F273, 0x9AE16A3B2F90404F, 0xC949C7DEFEBE6F2F
_KMUL = 0x9DDFEA08EB382D69


def install_hash(install_dir: str) -> str:
    """Return the name of an installation, as in ``[Install<hash>]`` of profiles.ini.

    Args:
        install_dir: directory of the executable, without a trailing separator, in the system's own spelling
            (letter case counts): "/usr/lib/thunderbird", r"C:\\Program Files\\Mozilla Thunderbird",
            "/Applications/Thunderbird.app/Contents/MacOS".

    Returns:
        Upper-case hexadecimal without padding, as Gecko prints it (GetInstallHash in commonupdatedir.cpp: CityHash64
        v1.0 of the UTF-16LE path, printed with PRIX64).
    """
    return f"{_cityhash64(install_dir.encode('utf-16-le', 'surrogatepass')):X}"


def _fetch64(data: bytes, at: int = 0) -> int:
    return int(struct.unpack_from("<Q", data, at)[0])


def _fetch32(data: bytes, at: int = 0) -> int:
    return int(struct.unpack_from("<I", data, at)[0])


def _rotate(value: int, shift: int) -> int:
    return ((value >> shift) | (value << (64 - shift))) & _MASK if shift else value


def _shift_mix(value: int) -> int:
    return value ^ (value >> 47)


def _hash_len_16(low: int, high: int) -> int:
    first = _shift_mix(((low ^ high) * _KMUL) & _MASK)
    return (_shift_mix(((high ^ first) * _KMUL) & _MASK) * _KMUL) & _MASK


def _weak_hash_32(data: bytes, at: int, a: int, b: int) -> tuple[int, int]:
    w, x, y, z = (_fetch64(data, at + offset) for offset in (0, 8, 16, 24))
    a = (a + w) & _MASK
    b = _rotate((b + a + z) & _MASK, 21)
    c = a
    a = (a + x + y) & _MASK
    b = (b + _rotate(a, 44)) & _MASK
    return (a + z) & _MASK, (b + c) & _MASK


def _hash_0_to_16(data: bytes) -> int:
    size = len(data)
    if size > 8:
        last = _fetch64(data, size - 8)
        return _hash_len_16(_fetch64(data), _rotate((last + size) & _MASK, size)) ^ last
    if size >= 4:
        return _hash_len_16(size + (_fetch32(data) << 3), _fetch32(data, size - 4))
    if size:
        y = data[0] + (data[size >> 1] << 8)
        z = size + (data[size - 1] << 2)
        return (_shift_mix(((y * _K2) ^ (z * _K3)) & _MASK) * _K2) & _MASK
    return _K2


def _hash_17_to_32(data: bytes) -> int:
    size = len(data)
    a, b = (_fetch64(data) * _K1) & _MASK, _fetch64(data, 8)
    c, d = (_fetch64(data, size - 8) * _K2) & _MASK, (_fetch64(data, size - 16) * _K0) & _MASK
    return _hash_len_16(
        (_rotate((a - b) & _MASK, 43) + _rotate(c, 30) + d) & _MASK, (a + _rotate(b ^ _K3, 20) - c + size) & _MASK
    )


def _hash_33_to_64(data: bytes) -> int:
    size = len(data)
    z = _fetch64(data, 24)
    a = (_fetch64(data) + (size + _fetch64(data, size - 16)) * _K0) & _MASK
    b, c = _rotate((a + z) & _MASK, 52), _rotate(a, 37)
    a = (a + _fetch64(data, 8)) & _MASK
    c = (c + _rotate(a, 7)) & _MASK
    a = (a + _fetch64(data, 16)) & _MASK
    vf, vs = (a + z) & _MASK, (b + _rotate(a, 31) + c) & _MASK
    a = (_fetch64(data, 16) + _fetch64(data, size - 32)) & _MASK
    z = _fetch64(data, size - 8)
    b, c = _rotate((a + z) & _MASK, 52), _rotate(a, 37)
    a = (a + _fetch64(data, size - 24)) & _MASK
    c = (c + _rotate(a, 7)) & _MASK
    a = (a + _fetch64(data, size - 16)) & _MASK
    wf, ws = (a + z) & _MASK, (b + _rotate(a, 31) + c) & _MASK
    r = _shift_mix(((vf + ws) * _K2 + (wf + vs) * _K0) & _MASK)
    return (_shift_mix((r * _K0 + vs) & _MASK) * _K2) & _MASK


def _hash_long(data: bytes) -> int:
    size = len(data)
    x, y, z = _fetch64(data), _fetch64(data, size - 16) ^ _K1, _fetch64(data, size - 56) ^ _K0
    v = _weak_hash_32(data, size - 64, size, y)
    w = _weak_hash_32(data, size - 32, (size * _K1) & _MASK, _K0)
    z = (z + _shift_mix(v[1]) * _K1) & _MASK
    x = (_rotate((z + x) & _MASK, 39) * _K1) & _MASK
    y = (_rotate(y, 33) * _K1) & _MASK
    for at in range(0, (size - 1) & ~63, 64):
        x = (_rotate((x + y + v[0] + _fetch64(data, at + 16)) & _MASK, 37) * _K1) & _MASK
        y = (_rotate((y + v[1] + _fetch64(data, at + 48)) & _MASK, 42) * _K1) & _MASK
        x ^= w[1]
        y ^= v[0]
        z = _rotate(z ^ w[0], 33)
        v = _weak_hash_32(data, at, (v[1] * _K1) & _MASK, (x + w[0]) & _MASK)
        w = _weak_hash_32(data, at + 32, (z + w[1]) & _MASK, y)
        z, x = x, z
    return _hash_len_16(
        (_hash_len_16(v[0], w[0]) + _shift_mix(y) * _K1 + z) & _MASK, (_hash_len_16(v[1], w[1]) + x) & _MASK
    )


def _cityhash64(data: bytes) -> int:
    """CityHash64 of version 1.0, which Gecko froze (other/CityHash in its tree); later versions give other values."""
    if len(data) <= 16:
        return _hash_0_to_16(data)
    if len(data) <= 32:
        return _hash_17_to_32(data)
    if len(data) <= 64:
        return _hash_33_to_64(data)
    return _hash_long(data)
