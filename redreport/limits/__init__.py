"""How often something may be tried: named limits, counted for all processes together in PostgreSQL."""
