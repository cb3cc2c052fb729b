"""Which older statements a new one supersedes, and which it leaves alone."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from benchmarks.extraction import live
from gateway.domain import RETRACTION, Ended
from gateway.extract.local import statements

AT = datetime(2024, 5, 10, 14, tzinfo=UTC)
CHANGES = [
    ("I live in Leeds.", "We moved to Bristol in March."),
    ("I'm based in Berlin.", "I've relocated to Munich for work."),
    ("My home is in Porto.", "I just moved to Lisbon!"),
    ("I work for Siemens as an engineer.", "I've left Siemens, I'm at Bosch now."),
    ("I work at a bakery.", "I got a new job at a hotel."),
    ("I'm a teacher.", "I've become a software developer."),
    ("I'm a nurse at St. James's.", "I quit my job last week."),
    ("My name is Jon.", "Actually my name is John."),
    ("Call me Sam.", "Please call me Samantha from now on."),
    ("I'm 29.", "I turned 30 today!"),
    ("My favorite color is green.", "My favourite colour is now blue."),
    ("My favourite food is sushi.", "I've changed my mind: my favourite food is ramen."),
    ("My doctor is Dr. Melo.", "My new doctor is Dr. Santos."),
    ("My boss is called Ken.", "My boss is now Laura."),
    ("I drive a Golf.", "I sold the Golf and bought a Tesla."),
    ("I use Windows.", "I switched from Windows to Linux."),
    ("My phone is a Nokia.", "I got a new phone, a Pixel 8."),
    ("I like coffee.", "I don't like coffee any more."),
    ("I love running.", "I've given up running."),
    ("I play the piano.", "I stopped playing the piano."),
    ("I eat meat.", "I no longer eat meat."),
    ("I'm vegan.", "I'm not vegan any more."),
    ("I live with my parents.", "I don't live with my parents any more."),
    ("I live in Leeds.", "Yesterday I moved to Bristol."),
    ("I live in Leeds.", "Three weeks ago we moved to Bristol."),
    ("I work at Initech.", "As of Monday I work at Acme."),
    ("I work at Initech.", "Since May I work at Acme."),
    ("I'm 39.", "Yesterday I turned 40, and my friends hid a llama in the garden."),
    ("I'm vegetarian.", "I've gone vegan."),
    ("My girlfriend is called Mia.", "Mia and I broke up."),
    ("My wife Ana is a doctor.", "Ana and I got divorced."),
    ("I have a girlfriend called Mia.", "We split up last month."),
    ("The deadline is Friday.", "The deadline has been moved to Monday."),
    ("My flight is at 9.", "Sorry, I meant my flight is at 10."),
    ("My appointment is on Tuesday.", "My appointment got rescheduled to Thursday."),
    ("My email is a@x.com.", "My new email is b@x.com."),
    ("My wifi password is hunter2.", "I changed my wifi password to trustno1."),
    ("My locker code is 1234.", "The code for my locker is now 9876."),
    ("I bank with HSBC.", "I moved my account from HSBC to Monzo."),
    ("I'm studying law.", "I switched my major from law to history."),
    ("My sister lives in Rome.", "My sister moved to Milan."),
    ("My sister's name is Ana.", "My sister's name is not Ana but Anna."),
    ("Maria lives in Porto.", "Maria has moved to Braga."),
    ("I have a Netflix subscription.", "I cancelled my Netflix subscription."),
    ("I smoke.", "I quit smoking two years ago."),
    ("I go to the gym on Mondays.", "I don't go to the gym anymore."),
    ("My manager is Tom.", "Tom left, my manager is Priya."),
    ("My timezone is CET.", "My timezone is PST now."),
    ("We use Slack.", "We've moved from Slack to Teams."),
    ("We use Postgres.", "We migrated from Postgres to MySQL."),
    ("My salary is 50k.", "I got a raise, my salary is 60k."),
    ("I'm allergic to nuts.", "It turns out I'm not allergic to nuts."),
    ("I'm learning Spanish.", "I gave up learning Spanish."),
    ("I want to buy a boat.", "I no longer want to buy a boat."),
    ("My goal is to run a marathon.", "My goal is now to run an ultra instead."),
    ("Answer in German.", "From now on answer in English."),
    ("I'm single.", "I'm in a relationship with Tom now."),
    ("I'm engaged to Lea.", "I married Lea on Saturday."),
    ("I hate mushrooms.", "I love mushrooms now."),
    ("My car is red.", "My new car is blue."),
    ("I work at Acme.", "I was laid off by Acme."),
    ("I work at Acme.", "I got fired yesterday."),
    ("My shoe size is 42.", "Correction: my shoe size is 43."),
    ("My birthday is on May 3rd.", "I was wrong, my birthday is on May 4th."),
    ("My landlord is Mr. Hall.", "We have a new landlord, Mrs. Green."),
    ("I take ibuprofen daily.", "I stopped taking ibuprofen."),
    ("I'm on the keto diet.", "I've quit keto."),
    ("My team is Arsenal.", "My team isn't Arsenal, it's Spurs."),
    ("I'm a student at MIT.", "I graduated from MIT last week."),
    ("I work at Acme.", "I started at Initech last week, Acme is history."),
    ("im living in Glasgow atm", "moved to Dundee on the weekend, finally unpacked"),
    ("My gym is PureGym.", "I cancelled PureGym and joined a climbing gym instead."),
    ("I'm a barista.", "Quit the barista job, I'm training as an electrician now."),
    ("my favourite tea is earl grey", "gone off earl grey, my favourite tea these days is rooibos"),
    ("My car insurance is with Aviva.", "We changed car insurance to Direct Line."),
    ("Our standup is at 9:30.", "Standup has moved to 10."),
    ("The launch is on 3 June.", "The launch slipped to 10 June."),
    ("I drink coffee every morning.", "I've quit coffee."),
    ("I'm dating Luca.", "Luca and I split up."),
    ("My daughter is 3.", "My daughter just turned 4."),
    ("I have a cat named Miso.", "I no longer have a cat."),
    ("We have a subscription to Spotify.", "I cancelled Spotify."),
    ("My dentist is Dr. Patel.", "I switched dentists, I see Dr. Wong now."),
    ("I'm on the night shift.", "I'm on the day shift now."),
    ("My username is bob1.", "I changed my username to bob2."),
    ("My laptop runs Ubuntu.", "My laptop now runs Fedora."),
    ("I'm learning French on Duolingo.", "I've stopped learning French."),
    ("My surname is Smith.", "I took my husband's name, my surname is Jones now."),
    ("I weigh 84 kg.", "I'm down to 80 kg now."),
    ("I weigh 84 kg.", "I weigh 80 kg now."),
    ("I go by Alex.", "I go by Lex these days."),
    ("My pronouns are she/her.", "My pronouns are they/them now."),
    ("Our office is on the 4th floor.", "Our office is on the 7th floor now."),
    ("My budget is 500 euros.", "My budget went up to 700 euros."),
    ("I'm the team lead at Shopify.", "I left Shopify in April."),
    ("My partner is called Jo.", "Jo and I are no longer together."),
    ("I take the bus to work.", "I don't take the bus any more, I cycle."),
    ("My son goes to Hill Primary.", "My son goes to Oak Primary now."),
    ("My best friend is Amy.", "My best friend is Zoe now."),
    ("I use Chrome.", "I dropped Chrome for Firefox."),
    ("I hate running.", "Actually I enjoy running now."),
    ("I'm on the Netflix basic plan.", "Upgraded to Netflix premium today."),
    ("I take 50 mg of sertraline.", "My GP raised my sertraline to 100 mg."),
    ("The report is due on 12 May.", "The deadline for the report moved to 19 May."),
    ("Please keep answers short.", "From now on give me detailed answers."),
    ("Ich wohne in Köln.", "Ich bin nach Bremen gezogen."),
    ("I'm a vegetarian.", "I eat meat again."),
    ("I'm unemployed at the moment.", "I'm a chef at Noma now."),
    ("My phone number is 0770 123.", "New number: 0770 456."),
]
UNRELATED = [
    ("Our frontend is written in Svelte 4.", "The sister team uses Vue 3."),
    ("My dog is called Rex.", "My dog is called Max."),
    ("I'm allergic to nuts.", "I'm allergic to cats."),
    ("I live in Leeds.", "I'm visiting Paris next week."),
    ("I live in Leeds.", "Ten years ago I lived in Paris."),
    ("I live in Leeds.", "As a child I lived in Rome."),
    ("I live in Leeds.", "Last year I was living in Paris."),
    ("I work at Initech.", "I was working at Acme back then."),
    ("I use Emacs.", "I was using Vim before."),
    ("I'm a courier.", "I tried to fix the phone and gave up."),
    ("My phone plan is with O2.", "I was on Vodafone in 2019."),
    ("I live in Leeds.", "My friend moved to Berlin."),
    ("I live in Leeds.", "I'd love to live in Rome."),
    ("I work at Acme.", "If I worked at Google I'd be rich."),
    ("I work at Acme.", "My wife works at Google."),
    ("My phone is a Nokia.", "My second phone is a Pixel."),
    ("I speak German.", "I speak French too."),
    ("My favourite colour is blue.", "My favourite colour for walls is white."),
    ("I like coffee.", "I like tea."),
    ("I live in Leeds.", "I was in Paris in May."),
    ("I live in Leeds.", "I grew up in Rome."),
    ("I work at Acme.", "I used to work at Initech."),
    ("My sister Ana lives in Rome.", "My sister Eva lives in Oslo."),
    ("I'm a nurse.", "I'm also a yoga teacher."),
    ("I play the piano.", "I started learning the violin."),
    ("My goal is to run a marathon.", "My goal is to read 20 books."),
    ("My son is called Tom.", "My son is called Ben."),
    ("I use Vim.", "I use Emacs for org mode."),
    ("I live in Leeds.", "My parents moved to Spain."),
    ("I work at Acme.", "My brother quit his job."),
    ("I'm vegetarian.", "My husband isn't vegetarian any more."),
    ("I like coffee.", "My sister no longer likes coffee."),
    ("I live in Leeds.", "I might move to York next year."),
    ("I drive a Golf.", "My neighbour sold the Golf."),
    ("I live in Leeds.", "I'm moving to York in August."),
    ("My email is a@x.com.", "My work email is b@y.com."),
    ("I have a cat called Tigre.", "I have a dog called Rex."),
    ("My brother lives in Rome.", "My brother's friend lives in Oslo."),
    ("I work at Acme.", "I want to work at Google."),
    ("I like jazz.", "I don't like techno."),
    ("I have a meeting on Friday.", "I have a meeting on Monday."),
    ("My friend Tom lives in Rome.", "My friend Ana moved to Oslo."),
    ("I'm 34.", "My son is 7."),
    ("I live in Leeds.", "I stayed in Oslo for a week."),
    ("I work at Acme.", "I have worked at Acme for 5 years."),
    ("My flight to Rome is on Friday.", "My flight to Oslo is on Monday."),
    ("My car is red.", "My car is a Golf."),
    ("My name is Ana.", "My cat's name is Tigre."),
    ("I'm from Porto.", "My wife is from Oslo."),
    ("My sister's dog is called Rex.", "My dog is called Max."),
    ("My favourite film is Alien.", "My favourite book is Dune."),
    ("My gym locker is 12.", "My wife's locker is 14."),
]


@pytest.mark.parametrize(("before", "now"), CHANGES)
def test_a_change_ends_what_was(before: str, now: str) -> None:
    assert before not in [one.text for one in live([before, now])]


@pytest.mark.parametrize(("one", "other"), UNRELATED)
def test_what_can_both_be_so_ends_nothing(one: str, other: str) -> None:
    assert [each.text for each in live([one, other])] == [one, other]


def test_no_more_of_a_thing_is_no_end() -> None:
    assert "I live with my parents." in [
        one.text for one in live(["I live with my parents.", "I don't live with any more people."])
    ]


def test_giving_up_ends_no_job() -> None:
    kept = [one.text for one in live(["I'm a courier.", "Gave up, I'm on a Galaxy S24 now."])]
    assert "I'm a courier." in kept


def test_a_clause_can_be_over_while_its_neighbour_holds() -> None:
    kept = [one.text for one in live(["My name is Ana and I live in Porto.", "I moved to Lisbon."])]
    assert kept == ["My name is Ana", "I moved to Lisbon."]


def test_what_was_long_ago_ends_only_itself() -> None:
    [past] = statements("I used to live in Rome.", at=AT)
    assert past.triples == ()
    assert past.ends == (Ended("user", "lives in", "Rome"),)


def test_a_wish_to_forget_ends_what_it_names_and_is_never_told() -> None:
    [wish] = statements("Forget that I like jazz.", at=AT)
    assert wish.ends == (Ended("user", "likes", "jazz"),)
    assert wish.refused == RETRACTION


def test_what_is_said_behind_a_wish_to_forget_is_kept() -> None:
    wish, kept = statements("Forget that about biology, I changed my major to linguistics.", at=AT)
    assert wish.refused == RETRACTION
    assert kept.text == "I changed my major to linguistics."


def test_few_endings_are_written_for_one_statement() -> None:
    assert all(
        len(one.ends) <= 20 for text in ("I switched from Vim to Emacs", "I sold the Golf") for one in statements(text)
    )
