"""The stored forms are tested in the world of the functions' tests."""

from tests.functions.conftest import _no_network_at_all, deployed, world

__all__ = ["_no_network_at_all", "deployed", "world"]
