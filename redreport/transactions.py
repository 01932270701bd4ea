"""Operations that lost to a rival in the database are begun again from their start."""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from django.db import IntegrityError, OperationalError, connection
from psycopg import errors

MOST_TRIES = 10
LOST_TO_A_RIVAL = (errors.DeadlockDetected, errors.SerializationFailure, errors.UniqueViolation)


class Overtaken(Exception):
    """What was looked up to be locked was changed before the lock was there: the operation is to begin again."""


Params = ParamSpec("Params")
Result = TypeVar("Result")


def retried(operation: Callable[Params, Result]) -> Callable[Params, Result]:
    """For an operation that owns its transactions: run it again when a deadlock ended it, a rival inserted first, or what it
    locks was moved elsewhere before it was locked.

    The second run sees what the rival committed, and refuses in words where the database refused by error. An operation called
    inside somebody else's transaction is not run again: that transaction is lost.
    """

    @wraps(operation)
    def run(*args: Params.args, **kwargs: Params.kwargs) -> Result:
        tries = 1 if connection.in_atomic_block else MOST_TRIES
        while True:
            tries -= 1
            try:
                return operation(*args, **kwargs)
            except (IntegrityError, OperationalError) as error:
                if tries == 0 or not isinstance(error.__cause__, LOST_TO_A_RIVAL):
                    raise
            except Overtaken:
                if tries == 0:
                    raise

    return run
