"""The simulator's API as a whole: keys, parameters, idempotency, lists, expansion, faults, and the simple resources."""

import json
import threading
import urllib.error
import urllib.request
from functools import partial
from typing import Any

import pytest
import stripe

from tests.fixtures_stripe import StripeAccount, stripe_client
from tests.simulator_steps import refusal
from tests.stripe_simulator.process import SimulatorProcess


def raw(url: str, *, data: str | None = None, **headers: str) -> tuple[int, Any, dict[str, Any]]:
    """Status, headers and body, without the SDK in between."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(url, data.encode() if data is not None else None, named)
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            return response.status, response.headers, json.load(response)
    except urllib.error.HTTPError as error:
        return error.code, error.headers, json.load(error)


@pytest.mark.parametrize(("key", "message"), [("sk_test_wrong", "Invalid API Key provided"), ("rk_live_x", "Invalid API Key")])
def test_a_wrong_key_is_refused(stripe_simulator: SimulatorProcess, key: str, message: str) -> None:
    with pytest.raises(stripe.AuthenticationError, match=message):
        stripe_client(stripe_simulator, key).v1.customers.list()


def test_a_missing_key_is_refused_in_stripes_shape(stripe_account: StripeAccount) -> None:
    status, headers, body = raw(f"{stripe_account.url}/v1/customers")
    assert status == 401
    assert headers["Request-Id"].startswith("req_")
    assert body["error"]["type"] == "invalid_request_error"


def test_another_api_version_is_refused(stripe_account: StripeAccount) -> None:
    found = refusal(lambda: stripe_account.client.v1.customers.list(options={"stripe_version": "2024-06-20"}))
    assert "Invalid Stripe API version" in str(found)


def test_another_account_is_refused(stripe_account: StripeAccount) -> None:
    with pytest.raises(stripe.PermissionError):
        stripe_account.client.v1.customers.list(options={"stripe_account": "acct_other"})


def test_the_account_is_a_test_account(stripe_account: StripeAccount) -> None:
    assert stripe_account.client.v1.accounts.retrieve_current().id.startswith("acct_")
    assert stripe_account.customer().livemode is False


@pytest.mark.parametrize(
    ("params", "param"),
    [
        ({"emial": "a@example.com"}, "emial"),
        ({"address": {"street": "1 Main St"}}, "address[street]"),
        ({"invoice_settings": {"rendering_options": {"templat": "x"}}}, "invoice_settings[rendering_options][templat]"),
    ],
)
def test_an_unknown_parameter_is_refused_at_any_depth(stripe_account: StripeAccount, params: Any, param: str) -> None:
    found = refusal(lambda: stripe_account.client.v1.customers.create(params))
    assert (found.code, found.param) == ("parameter_unknown", param)


def test_an_unknown_parameter_in_a_list_of_hashes_is_refused(stripe_account: StripeAccount) -> None:
    found = refusal(lambda: stripe_account.checkout(line_items=[{"prise": stripe_account.seat_price.id, "quantity": 1}]))
    assert (found.code, found.param) == ("parameter_unknown", "line_items[0][prise]")


def test_an_unknown_parameter_of_a_list_request_is_refused(stripe_account: StripeAccount) -> None:
    params: Any = {"payment": {"type": "payment_intent", "intent": "pi_1"}}
    found = refusal(lambda: stripe_account.client.v1.invoice_payments.list(params))
    assert found.param == "payment[intent]"


def test_missing_and_mistyped_parameters_are_refused(stripe_account: StripeAccount) -> None:
    v1: Any = stripe_account.client.v1
    assert refusal(lambda: v1.products.create({})).code == "parameter_missing"
    assert refusal(lambda: v1.refunds.create({"charge": "ch_1", "amount": "much"})).code == "parameter_invalid_integer"
    assert refusal(lambda: v1.products.create({"name": ""})).code == "parameter_invalid_empty"
    assert "must be one of" in str(refusal(lambda: stripe_account.checkout(mode="pay")))


def test_a_parameter_that_is_not_acted_out_is_refused_rather_than_ignored(stripe_account: StripeAccount) -> None:
    found = refusal(lambda: stripe_account.checkout(phone_number_collection={"enabled": True}))
    assert (found.code, found.param) == ("simulator_unsupported", "phone_number_collection")


def test_an_unknown_address_is_refused(stripe_account: StripeAccount) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="Unrecognized request URL"):
        stripe_account.client.raw_request("get", "/v1/nonsense")


def test_the_same_key_repeats_the_first_answer(stripe_account: StripeAccount) -> None:
    create = stripe_account.client.v1.customers.create
    first = create({"email": "a@example.com"}, {"idempotency_key": "one"})
    again = create({"email": "a@example.com"}, {"idempotency_key": "one"})
    assert first.id == again.id
    assert len(stripe_account.client.v1.customers.list().data) == 1
    assert again.last_response.headers["Idempotent-Replayed"] == "true"


def test_the_same_key_with_other_parameters_is_an_error(stripe_account: StripeAccount) -> None:
    create = stripe_account.client.v1.customers.create
    create({"email": "a@example.com"}, {"idempotency_key": "one"})
    with pytest.raises(stripe.IdempotencyError, match="same parameters"):
        create({"email": "b@example.com"}, {"idempotency_key": "one"})
    with pytest.raises(stripe.IdempotencyError, match="same endpoint"):
        stripe_account.client.v1.products.create({"name": "x"}, {"idempotency_key": "one"})


def test_a_refusal_is_repeated_too_but_not_one_of_the_parameters(stripe_account: StripeAccount) -> None:
    v1: Any = stripe_account.client.v1
    options: Any = {"idempotency_key": "one"}
    refusal(lambda: v1.refunds.create({"charge": "ch_gone"}, options))
    replayed = refusal(lambda: v1.refunds.create({"charge": "ch_gone"}, options))
    assert replayed.headers
    assert replayed.headers["Idempotent-Replayed"] == "true"
    refusal(lambda: v1.customers.create({"emial": "x"}, {"idempotency_key": "two"}))
    assert v1.customers.create({"email": "x@example.com"}, {"idempotency_key": "two"}).id


def test_a_500_is_repeated_under_its_key_until_the_key_is_pruned(stripe_account: StripeAccount) -> None:
    create = stripe_account.client.v1.customers.create
    stripe_account.control.fault("500", method="POST", path="/v1/customers")
    for _ in range(2):
        with pytest.raises(stripe.APIError):
            create({}, {"idempotency_key": "one"})
    assert stripe_account.control.prune_idempotency_keys() >= 1
    assert create({}, {"idempotency_key": "one"}).id


def test_a_key_whose_first_request_is_under_way_conflicts(stripe_account: StripeAccount) -> None:
    create = stripe_account.client.v1.customers.create
    fault = stripe_account.control.fault("hang", method="POST", path="/v1/customers")
    slow = threading.Thread(target=lambda: create({}, {"idempotency_key": "one"}))
    slow.start()
    stripe_account.control.wait_until_waiting(fault)
    status, _, _ = raw(
        f"{stripe_account.url}/v1/customers", data="", Authorization="Bearer sk_test_simulator", Idempotency_Key="one"
    )
    assert status == 409
    stripe_account.control.release(fault)
    slow.join(10)
    assert len(stripe_account.client.v1.customers.list().data) == 1


def test_lists_come_newest_first_and_in_pages(stripe_account: StripeAccount) -> None:
    v1 = stripe_account.client.v1
    ids = [stripe_account.customer(email=f"{n}@example.com").id for n in range(5)][::-1]
    first = v1.customers.list({"limit": 2})
    assert ([row.id for row in first.data], first.has_more) == (ids[:2], True)
    assert [row.id for row in first.auto_paging_iter()] == ids
    assert [row.id for row in v1.customers.list({"ending_before": ids[4], "limit": 2}).data] == ids[2:4]
    assert [row.id for row in v1.customers.list({"email": "3@example.com"}).data] == [ids[1]]
    assert refusal(lambda: v1.customers.list({"limit": 101})).param == "limit"
    assert refusal(lambda: v1.customers.list({"starting_after": "cus_gone"})).param == "starting_after"


def test_lists_are_filtered_by_creation_on_the_simulators_clock(stripe_account: StripeAccount) -> None:
    v1 = stripe_account.client.v1
    old = stripe_account.customer()
    stripe_account.control.advance(3600)
    new = stripe_account.customer()
    assert new.created - old.created >= 3600
    assert [row.id for row in v1.customers.list({"created": {"gt": old.created}}).data] == [new.id]
    assert [row.id for row in v1.customers.list({"created": {"lte": old.created}}).data] == [old.id]


def test_expansion_follows_paths_and_refuses_others(stripe_account: StripeAccount) -> None:
    session = stripe_account.paid_seat(invoice_creation={"enabled": True})
    found = stripe_account.retrieve_checkout(
        session.id, "payment_intent.latest_charge", "invoice.payments", "line_items.data.price.product", "customer"
    ).to_dict()
    assert found["payment_intent"]["latest_charge"]["receipt_url"].startswith(stripe_account.url)
    assert found["invoice"]["payments"]["data"][0]["payment"]["payment_intent"] == found["payment_intent"]["id"]
    assert found["line_items"]["data"][0]["price"]["product"]["name"] == "One live session"
    listed = stripe_account.client.v1.checkout.sessions.list({"expand": ["data.payment_intent"]}).data[0].to_dict()
    assert listed["payment_intent"]["status"] == "succeeded"
    for path in ("charges", "payment_intent.invoice", "line_items.price"):
        assert "cannot be expanded" in str(refusal(partial(stripe_account.retrieve_checkout, session.id, path)))


def test_a_lookup_key_moves_only_when_told_to(stripe_account: StripeAccount) -> None:
    v1 = stripe_account.client.v1
    params: Any = {"product": stripe_account.seat_price.product, "currency": "usd", "unit_amount": 30000, "lookup_key": "seat"}
    assert refusal(lambda: v1.prices.create(params)).param == "lookup_key"
    new = v1.prices.create({**params, "transfer_lookup_key": True})
    assert [row.id for row in v1.prices.list({"lookup_keys": ["seat"]}).data] == [new.id]
    assert v1.prices.retrieve(stripe_account.seat_price.id).lookup_key is None


def test_tax_behavior_is_set_once(stripe_account: StripeAccount) -> None:
    v1 = stripe_account.client.v1
    assert v1.prices.update(stripe_account.year_price.id, {"tax_behavior": "inclusive"}).tax_behavior == "inclusive"
    for price in (stripe_account.year_price, stripe_account.seat_price):
        other: Any = "exclusive" if price is stripe_account.year_price else "inclusive"
        assert refusal(partial(v1.prices.update, price.id, {"tax_behavior": other})).param == "tax_behavior"


def test_metadata_is_merged_and_unset_and_bounded(stripe_account: StripeAccount) -> None:
    v1 = stripe_account.client.v1
    customer = stripe_account.customer(metadata={"a": "1", "b": "2"})
    assert v1.customers.update(customer.id, {"metadata": {"a": "", "c": "3"}}).metadata.to_dict() == {"b": "2", "c": "3"}
    assert v1.customers.update(customer.id, {"metadata": ""}).metadata.to_dict() == {}
    assert refusal(lambda: v1.customers.update(customer.id, {"metadata": {"k" * 41: "x"}})).param
    assert refusal(lambda: v1.customers.update(customer.id, {"metadata": {"k": "x" * 501}})).param == "metadata[k]"


def test_a_deleted_customer_leaves_a_tombstone_and_no_subscription(stripe_account: StripeAccount) -> None:
    v1 = stripe_account.client.v1
    subscription = stripe_account.year()
    customer = str(subscription.customer)
    assert v1.customers.delete(customer).deleted is True
    assert v1.customers.retrieve(customer).deleted is True
    assert v1.subscriptions.retrieve(subscription.id).status == "canceled"
    assert refusal(lambda: v1.customers.update(customer, {"name": "x"})).http_status == 404
    assert stripe_account.event_types()[-2:] == ["customer.subscription.deleted", "customer.deleted"]


def test_what_a_parameter_names_must_exist(stripe_account: StripeAccount) -> None:
    found = refusal(lambda: stripe_account.checkout(customer="cus_gone"))
    assert (found.http_status, found.code, found.param) == (400, "resource_missing", "customer")
    assert refusal(lambda: stripe_account.client.v1.customers.retrieve("cus_gone")).http_status == 404


def test_portal_settings_are_made_and_changed(stripe_account: StripeAccount) -> None:
    configurations = stripe_account.client.v1.billing_portal.configurations
    made = configurations.create({"features": {"subscription_cancel": {"enabled": True, "mode": "at_period_end"}}})
    assert made.is_default is True
    changed = configurations.update(made.id, {"features": {"invoice_history": {"enabled": True}}})
    assert changed.features.subscription_cancel.enabled is True
    assert changed.features.invoice_history.enabled is True
    assert [row.id for row in configurations.list({"is_default": True}).data] == [made.id]


@pytest.mark.parametrize(("kind", "status"), [("500", 500), ("503", 503), ("429", 429)])
def test_an_ordered_refusal_does_nothing_and_happens_as_often_as_ordered(
    stripe_account: StripeAccount, kind: Any, status: int
) -> None:
    stripe_account.control.fault(kind, method="POST", path="/v1/customers", count=2)
    for _ in range(2):
        with pytest.raises(stripe.StripeError) as caught:
            stripe_account.customer()
        assert caught.value.http_status == status
    assert stripe_account.client.v1.customers.list().data == []
    assert stripe_account.customer().id


@pytest.mark.parametrize("kind", ["drop_after", "500_after"])
def test_a_lost_answer_leaves_the_deed_done(stripe_account: StripeAccount, kind: Any) -> None:
    stripe_account.control.fault(kind, method="POST", path="/v1/customers")
    with pytest.raises(stripe.StripeError):
        stripe_account.customer()
    assert len(stripe_account.client.v1.customers.list().data) == 1


def test_a_dropped_answer_is_repeated_under_its_key(stripe_account: StripeAccount) -> None:
    create = stripe_account.client.v1.customers.create
    stripe_account.control.fault("drop_after", method="POST", path="/v1/customers")
    with pytest.raises(stripe.APIConnectionError):
        create({}, {"idempotency_key": "one"})
    assert create({}, {"idempotency_key": "one"}).last_response.headers["Idempotent-Replayed"] == "true"
    assert len(stripe_account.client.v1.customers.list().data) == 1


def test_a_dropped_request_does_nothing(stripe_account: StripeAccount) -> None:
    stripe_account.control.fault("drop", method="POST", path="/v1/customers")
    with pytest.raises(stripe.APIConnectionError):
        stripe_account.customer()
    assert stripe_account.client.v1.customers.list().data == []


def test_a_held_answer_is_older_than_what_happened_since(stripe_account: StripeAccount) -> None:
    v1 = stripe_account.client.v1
    customer = stripe_account.customer(name="Old")
    fault = stripe_account.control.fault("hold", method="GET", path=f"/v1/customers/{customer.id}")
    answers: list[str | None] = []
    reader = threading.Thread(target=lambda: answers.append(v1.customers.retrieve(customer.id).name))
    reader.start()
    stripe_account.control.wait_until_waiting(fault)
    v1.customers.update(customer.id, {"name": "New"})
    assert v1.customers.retrieve(customer.id).name == "New"
    stripe_account.control.release(fault)
    reader.join(10)
    assert answers == ["Old"]
