"""Refusals of buying and billing. Views turn them into words; none tells a stranger about other people."""


class BookingRefused(Exception):
    """An order or a booking cannot be made; the subclass says why."""


class PriceChanged(BookingRefused):
    """The price that the reader saw is not the price in force."""


class TooManyLapsedHolds(BookingRefused):
    """The buyer let several holds lapse in this session; no further hold for a day."""


class HeldSeatsStay(BookingRefused):
    """The buyer's pending order `number` holds another number of seats than is `wanted` now, which cannot be had: it stays."""

    def __init__(self, number: str, wanted: int) -> None:
        super().__init__(number, wanted)
        self.number, self.wanted = number, wanted


class OtherOrderOpen(BookingRefused):
    """The buyer has another order in this session that is not paid yet: one at a time."""


class NoCredit(BookingRefused):
    """No credit that is valid at the session's start is left."""


class CreditUsedHere(NoCredit):
    """A seat of this session that the subscriber booked with a credit stands already: they gave it to somebody else."""


class CreditExpiresBefore(BookingRefused):
    """There are credits, but all of them expire before the session starts; `expires_at` is the last of those dates."""

    def __init__(self, expires_at: object) -> None:
        super().__init__(expires_at)
        self.expires_at = expires_at


class YearAlreadyRunning(BookingRefused):
    """The subscriber has a live subscription."""


class PaymentUnderWay(BookingRefused):
    """The buyer's payment for an earlier order of the same is on its way from the bank."""


class YearNotRunning(Exception):
    """There is no running year of which this could be asked: it has ended, or is being ended."""


class NothingAtStripe(Exception):
    """Stripe keeps nothing of this reader yet: no card, no invoice."""


class PortalUnavailable(Exception):
    """Stripe did not open its portal just now."""


class SeatNotOfYear(Exception):
    """A seat that was to be canceled with a year is none of its coming seats."""


class EmailNotProven(BookingRefused):
    """The buyer's e-mail address has not been proven yet."""


class ConsequenceChanged(Exception):
    """What canceling the seat would return is no longer what the reader was shown. Nothing was canceled."""


class NotForfeited(Exception):
    """The seat forfeited no credit, or it was given back already, or the payment for its year was."""


class NothingForfeited(Exception):
    """No money of the seat was forfeited, or it went back already, or the bank has it."""


class CreditsNotGrantable(Exception):
    """Credits that the house cannot give; the message says why."""


class ReaderNotImportable(Exception):
    """A reader on a list cannot be given an account or credits; the message says why."""


class NotReceived(Exception):
    """Money that cannot have come past Stripe as it is said; the message says why."""


class OrderNotOpen(Exception):
    """The order is no longer waiting for its payment."""


class PaidMeanwhile(OrderNotOpen):
    """Stripe had taken the payment of the order, whose number is `number`, before it could be given up: it stands."""

    def __init__(self, number: str) -> None:
        super().__init__(number)
        self.number = number


class RefundTooLarge(Exception):
    """More than is left of the payment; `left_minor` is what could be given back."""

    def __init__(self, left_minor: int) -> None:
        super().__init__(left_minor)
        self.left_minor = left_minor


class PaymentDisputed(Exception):
    """The payment is with the reader's bank, or lost to it: a refund would pay it out twice."""


class RefundNotFailed(Exception):
    """Only a refund that failed is made again."""


class NoRemedy(Exception):
    """A case does not have what a button of its page would act on, or no longer."""


class AmountChanged(Exception):
    """What is left to give back is no longer what was shown. Nothing was done."""


class OutcomeMissing(Exception):
    """A case about money is settled only with a word on what became of it."""


class CaseAlreadySettled(Exception):
    """Somebody else was quicker, or its cause went away."""


class GatewayError(Exception):
    """A call to Stripe did not give an answer to act on."""


class GatewayUnavailable(GatewayError):
    """Stripe is down, slow, or asks us to wait. What was asked may or may not have happened: ask again with the same key."""


class GatewayBroken(GatewayUnavailable):
    """Stripe will give this answer to the same key again: an error of its own, or the key was used for another request.

    What was asked may have happened: look for it first, then ask with a new key.
    """


class GatewayRefused(GatewayError):
    """Stripe understood and refused. Trying again gives the same answer.

    `code` is Stripe's own word for it, `param` names what it did not like; either may be empty.
    """

    def __init__(self, message: str = "", *, code: str = "", param: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.param = param


class GatewayNotFound(GatewayRefused):
    """Stripe has no such object."""


class BadSignature(Exception):
    """A webhook that Stripe did not sign for us, or not now."""


class EventNotActedOn(Exception):
    """One of Stripe's events of a type on which nothing is done here: replaying it would do nothing."""


class ObjectBusy(Exception):
    """Another worker is fetching this object of Stripe's. It was told to fetch again; who needs certainty asks later."""


class LeaseLost(ObjectBusy):
    """Another worker took over this object because our lease ran out: what we fetched may be old and must not be written."""


class CatalogNotReady(Exception):
    """No price is in force: `manage.py stripe_setup` has not run for this Stripe account."""
