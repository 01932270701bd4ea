"""Stripe's resources, one family a module. Each function takes the simulator and the checked call, and returns an object."""
