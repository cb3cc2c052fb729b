"""What well-known names are names of: a change to one of them ends another of its class."""

from __future__ import annotations

from collections.abc import Sequence

_LISTED = {
    "carrier": """ee, o2, vodafone, three, giffgaff, verizon, at&t, t-mobile, sprint, telekom, orange, tesco mobile,
        sky mobile, lebara, smarty, voxi, mint mobile, google fi, airtel, jio, telstra, optus, rogers, bell,
        telefonica, swisscom, id mobile""",
    "broadband provider": """virgin media, talktalk, comcast, xfinity, plusnet, hyperoptic, starlink, bt, spectrum,
        community fibre, cox, zen""",
    "energy provider": "octopus energy, octopus, british gas, edf, eon, e.on, bulb, ovo, scottishpower, ovo energy",
    "bank": """hsbc, barclays, lloyds, natwest, santander, monzo, starling, revolut, chase, n26, wells fargo,
        citibank, bank of america, nationwide, halifax, ing, deutsche bank, first direct, capital one, ally,
        sparkasse, commerzbank, bnp paribas, rbs, wise""",
    "insurer": """aviva, axa, direct line, admiral, allianz, geico, state farm, progressive, churchill, hastings,
        lv, bupa, vitality""",
    "editor": """vim, neovim, emacs, vscode, vs code, visual studio code, sublime text, sublime, helix, pycharm,
        intellij, webstorm, nano, zed, cursor, eclipse, notepad++, atom, android studio, xcode, kate""",
    "operating system": """windows, linux, ubuntu, fedora, arch, arch linux, debian, macos, mint, linux mint,
        manjaro, popos, pop!_os, chromeos, nixos, opensuse, freebsd, windows 10, windows 11""",
    "browser": "chrome, firefox, safari, edge, brave, vivaldi, opera, arc, librewolf, tor browser",
    "search engine": "duckduckgo, bing, kagi, ecosia, startpage",
    "phone make": """iphone, pixel, android, galaxy, nokia, oneplus, fairphone, xiaomi, huawei, samsung galaxy,
        google pixel, motorola""",
    "laptop make": "macbook, thinkpad, dell, dell xps, framework, chromebook, surface, macbook pro, macbook air",
    "music service": "spotify, tidal, apple music, youtube music, deezer, qobuz, pandora, amazon music",
    "notes app": """notion, obsidian, evernote, onenote, bear, roam, logseq, apple notes, joplin, google keep,
        simplenote, craft""",
    "task manager": """todoist, things, ticktick, trello, asana, jira, linear, monday.com, clickup, basecamp,
        omnifocus, shortcut, youtrack""",
    "chat service": """slack, teams, microsoft teams, discord, whatsapp, signal, telegram, mattermost, zulip,
        google chat, rocket.chat, messenger, viber""",
    "video call service": "zoom, google meet, webex, skype, jitsi, whereby",
    "mail service": "gmail, outlook, protonmail, proton mail, fastmail, icloud mail, hotmail, hey, tutanota",
    "cloud": """aws, azure, gcp, google cloud, hetzner, digitalocean, heroku, fly.io, render, vercel, netlify,
        linode, cloudflare, ovh, scaleway, railway""",
    "database": """postgres, postgresql, mysql, mariadb, sqlite, mongodb, mongo, oracle, dynamodb, cassandra,
        sql server, redis, clickhouse, snowflake, bigquery, couchdb, cockroachdb, redshift, firestore""",
    "ci": """jenkins, github actions, gitlab ci, circleci, travis, travis ci, teamcity, buildkite, bamboo,
        azure pipelines, drone""",
    "code host": "github, gitlab, bitbucket, gitea, codeberg, forgejo, sourcehut",
    "web framework": """django, flask, fastapi, rails, ruby on rails, laravel, express, spring, spring boot,
        nestjs, phoenix, symfony, gin, starlette""",
    "frontend framework": """react, vue, angular, svelte, solid, next.js, nextjs, nuxt, sveltekit, jquery, ember,
        astro, remix, htmx""",
    "programming language": """python, java, javascript, typescript, rust, go, golang, c++, c#, ruby, php, kotlin,
        swift, scala, elixir, haskell, clojure, perl, julia, matlab, dart, cobol, zig""",
    "shop system": "shopify, woocommerce, magento, squarespace, wix, bigcommerce, prestashop, etsy, wordpress, webflow",
    "design tool": "figma, sketch, adobe xd, canva, photoshop, affinity, illustrator, gimp, penpot, lightroom",
    "package manager": "pip, poetry, uv, conda, npm, yarn, pnpm, bun, pipenv",
    "shell": "bash, zsh, fish, powershell, nushell",
    "streaming service": """netflix, hulu, disney plus, disney+, amazon prime, prime video, hbo max, now tv,
        paramount plus, apple tv, mubi""",
    "gym": "puregym, the gym group, david lloyd, planet fitness, gold's gym, virgin active, anytime fitness, equinox,"
    " crossfit",
    "console": "playstation, ps4, ps5, xbox, nintendo switch, steam deck, switch",
    "crm": "salesforce, hubspot, pipedrive, zoho, dynamics",
    "monitoring": "datadog, grafana, new relic, prometheus, splunk, sentry",
    "accounting software": "xero, quickbooks, freeagent, sage, wave, freshbooks",
    "budgeting app": "ynab, mint.com, monarch, emma, copilot money",
    "password manager": "1password, bitwarden, lastpass, keepass, dashlane, keepassxc",
    "diet": """vegetarian, vegan, pescatarian, veggie, keto, paleo, carnivore, flexitarian, low-carb, low carb,
        gluten-free, gluten free, omnivore, plant-based, dairy-free, raw vegan, intermittent fasting, mediterranean,
        mediterranean diet, pescetarian, whole30, low fodmap""",
    "shift": """nights, night shift, night shifts, day shift, day shifts, days, earlies, lates, early shift,
        late shift, morning shift, evening shift, evenings""",
    "hours of work": "full-time, part-time, full time, part time",
    "way of working": "fully remote, remote, hybrid, from home, remotely, in the office, office-based, on-site",
}
_ALWAYS_ONE = frozenset(
    ("shift", "hours of work", "way of working", "carrier", "broadband provider", "energy provider")
)
_BY_FIRST: dict[str, list[tuple[tuple[str, ...], str]]] = {}
for _class, _names in _LISTED.items():
    for _name in _names.replace("\n", " ").split(","):
        _words = tuple(_name.split())
        _BY_FIRST.setdefault(_words[0], []).append((_words[1:], _class))
for _rests in _BY_FIRST.values():
    _rests.sort(key=lambda rest: len(rest[0]), reverse=True)


def class_at(plain: Sequence[str], at: int) -> tuple[str, int]:
    """The class of the well-known name at a place, and its number of words; "" and 0 if there is none."""
    for rest, kind in _BY_FIRST.get(plain[at], ()):
        if tuple(plain[at + 1 : at + 1 + len(rest)]) == rest:
            return kind, 1 + len(rest)
    return "", 0


def class_of(said: str) -> str:
    """The class of the first well-known name in a text, of a few words at its beginning."""
    plain = said.lower().split()[:4]
    return next((kind for at in range(len(plain)) if (kind := class_at(plain, at)[0])), "")


def one_of_a_class(kind: str) -> bool:
    """Whether nobody has two of the class at a time."""
    return kind in _ALWAYS_ONE
