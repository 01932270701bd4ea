"""Loaded by pytest before any plugin reads Django's settings, in each of its processes: the environment stands from the start."""

from tests import environment

environment.apply()
