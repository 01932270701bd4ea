"""The words of the demo's schedule: invented sessions in the manner of the newsletter's sections."""

from dataclasses import dataclass
from datetime import timedelta

from redreport.local.demo_accounts import HOST_EMAIL
from sessions_live.models import LiveSession
from sessions_live.operations.seats import Attendee

Section = LiveSession.Section


@dataclass(frozen=True)
class Hosted:
    name: str
    email: str
    bio: str


@dataclass(frozen=True)
class Topic:
    """One session. `starts` counts from now; sessions a day or more away are moved to 11 in the morning of the house's zone."""

    starts: timedelta
    section: LiveSession.Section
    title: str
    question: str
    description: str
    hosts: tuple[int, ...] = (0,)
    capacity: int = 40
    given_seats: int = 0


HOSTS = (
    Hosted(
        "Mira Lindqvist",
        HOST_EMAIL,
        "Has read Chinese politics in Beijing and Taipei for fifteen years, lately for companies that must decide by Friday.",
    ),
    Hosted(
        "Daniel Okafor",
        "daniel@redreport.example",
        "Followed export controls on Capitol Hill before he wrote about them, and keeps a list of every promise made there.",
    ),
)

COMING = (
    Topic(
        timedelta(minutes=20),
        Section.ZHONGNANHAI,
        "What the plenum did not say",
        "Which promises were left out of the communiqué, and who notices?",
        "The communiqué read against the last three, sentence by sentence, and the two paragraphs that went missing.",
        hosts=(0, 1),
        given_seats=6,
    ),
    Topic(
        timedelta(days=3),
        Section.TECH,
        "The chip that was not supposed to work",
        "How far can domestic tools go, and what does that change for suppliers?",
        "What the teardown shows, what it does not, and which licences are likely to be asked about next.",
        hosts=(1,),
        capacity=12,
        given_seats=9,
    ),
    Topic(
        timedelta(days=8),
        Section.BUSINESS,
        "Who may still say no to the local government?",
        "What has changed for foreign firms in the provinces since the new rules on investment?",
        "Three cases from three provinces, with the letters that were sent and the answers that came.",
        given_seats=3,
    ),
    Topic(
        timedelta(days=15),
        Section.HILL,
        "Outbound investment: the second draft",
        "What is in the bill, what fell out, and what will pass?",
        "A walk through the text with the amendments that matter to funds and to their limited partners.",
        hosts=(1,),
        capacity=8,
        given_seats=8,
    ),
    Topic(
        timedelta(days=22),
        Section.ESPIONAGE,
        "The consultant, the database and the visit",
        "What counts as a state secret now, and how do offices live with it?",
        "How the revised law is used in practice, and what companies have changed in the way they keep and send data.",
        hosts=(0, 1),
    ),
    Topic(
        timedelta(days=36),
        Section.BOOKS,
        "Three books on one leader",
        "Which of this year's biographies should you read, and for what?",
        "A short reading list, argued over: what each book knows, what it guesses, and what it leaves to the footnotes.",
    ),
)

NEARLY_SOLD_OUT, SOLD_TO_ONE_IN_DOUBT, SOLD_OUT = COMING[1], COMING[2], COMING[3]

PAST = (
    Topic(
        timedelta(days=-7),
        Section.ONE_MORE,
        "A noodle shop, a subsidy and a resignation",
        "What does one small scandal say about how money moves in a county?",
        "The story that nobody outside the county printed, and what it explains about the budgets of many others.",
        given_seats=5,
    ),
    Topic(
        timedelta(days=-21),
        Section.BUSINESS,
        "After the price war",
        "Who is left in electric cars, and who is paying for it?",
        "Margins, unpaid suppliers and the ministry's patience, in that order.",
        hosts=(1,),
        given_seats=4,
    ),
    Topic(
        timedelta(days=-35),
        Section.ZHONGNANHAI,
        "Reading the new line-up",
        "What do the three surprising appointments have in common?",
        "Careers laid side by side, and the teacher whom all three turn out to have had.",
        hosts=(0, 1),
        given_seats=6,
    ),
)

ATTENDEES = (
    ("Amara Osei", "Harbour Re", "amara.osei@harbour-re.example"),
    ("Benedikt Vogel", "Vogel Maschinenbau", "b.vogel@vogel.example"),
    ("Clara Nguyen", "Pacific Pension Fund", "clara.nguyen@pacific-pension.example"),
    ("Dominic Hale", "Hale & Partners", "dominic@hale-partners.example"),
    ("Emi Tanaka", "Tanaka Trading", "emi.tanaka@tanaka.example"),
    ("Farid Rahimi", "Institute for Trade Policy", "rahimi@trade-policy.example"),
    ("Greta Lund", "Nordhavn Shipping", "greta.lund@nordhavn.example"),
    ("Hannah Brecht", "European Chamber", "h.brecht@chamber.example"),
    ("Isaac Mensah", "Mensah Capital", "isaac@mensah-capital.example"),
    ("Jia Hui Tan", "Straits Advisory", "jiahui.tan@straits.example"),
)

PAID_BY_INVOICE = Attendee("Jia Hui Tan", "jiahui.tan@straits.example", "Straits Advisory")
# Has an account, and pays with a card that its bank suspects.
DOUBTED = Attendee("Viktor Brandt", "v.brandt@brandt-import.example", "Brandt Import")
WAITING = (
    Attendee("Ruth Adeyemi", "ruth.adeyemi@lagos-bridge.example", "Lagos Bridge Fund"),
    Attendee("Paolo Conti", "p.conti@conti-tessuti.example", "Conti Tessuti"),
)
