"""Which network addresses a model may be served from. Knows addresses; resolves and connects to
nothing."""

from __future__ import annotations

import ipaddress

from fingerprints.errors import UnsafeInput

METADATA = frozenset({"fd00:ec2::254", "100.100.100.200", "192.0.0.192", "168.63.129.16"})
"""Metadata services of clouds that are not link-local."""


def refuse_address(address: str, where: str) -> None:
    """Raises UnsafeInput for addresses that no model is served from: link-local and cloud
    metadata services."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    ip = getattr(ip, "ipv4_mapped", None) or ip
    if ip.is_link_local or ip.is_multicast or ip.is_unspecified or str(ip) in METADATA:
        raise UnsafeInput(
            "the address is link-local or a cloud metadata service, not a model's endpoint",
            where=where,
            next_step="check base_url",
        )
