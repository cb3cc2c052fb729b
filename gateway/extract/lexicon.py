"""The English words that extraction goes by: verbs, ties between people, what there is one of."""

from __future__ import annotations

VERBS = {
    form: forms.split()[0]
    for forms in """
    live lives lived living; reside resides resided residing; stay stays stayed staying;
    move moves moved moving; relocate relocates relocated relocating; work works worked working;
    join joins joined joining; start starts started starting; begin begins began beginning;
    leave leaves left leaving; quit quits quitting; stop stops stopped stopping;
    speak speaks spoke spoken speaking; like likes liked liking; love loves loved loving;
    enjoy enjoys enjoyed enjoying; adore adores adored; hate hates hated hating;
    dislike dislikes disliked disliking; prefer prefers preferred preferring; use uses used using;
    drive drives drove driven driving; play plays played playing; study studies studied studying;
    learn learns learned learnt learning; own owns owned owning; have has had having;
    get gets got gotten getting; want wants wanted wanting; need needs needed needing;
    plan plans planned planning; hope hopes hoped hoping; intend intends intended; eat eats ate eaten eating;
    drink drinks drank drinking; smoke smokes smoked smoking; run runs ran running;
    teach teaches taught teaching; sell sells sold selling; buy buys bought buying;
    switch switches switched switching; change changes changed changing; marry marries married marrying;
    divorce divorces divorced divorcing; watch watches watched watching; read reads reading;
    write writes wrote written writing; listen listens listened listening;
    collect collects collected collecting; know knows knew known knowing; take takes took taken taking;
    wear wears wore worn wearing; keep keeps kept keeping; swim swims swam swimming; cook cooks cooked cooking;
    bake bakes baked baking; train trains trained training; ride rides rode riding; code codes coded coding;
    commute commutes commuted commuting; bank banks banked banking; raise raises raised;
    increase increases increased; upgrade upgrades upgraded upgrading;
    downgrade downgrades downgraded downgrading; migrate migrates migrated migrating;
    transfer transfers transferred; volunteer volunteers volunteered volunteering;
    practise practises practised practising practice practices practiced practicing;
    paint paints painted painting; sing sings sang singing; dance dances danced dancing;
    grow grows grew grown growing; rent rents rented renting; weigh weighs weighed weighing;
    earn earns earned earning; subscribe subscribes subscribed subscribing;
    support supports supported supporting; follow follows followed following;
    attend attends attended attending; manage manages managed managing; lead leads led leading;
    run runs ran running; cancel cancels cancelled canceled; drop drops dropped dropping;
    replace replaces replaced replacing; swap swaps swapped swapping; trade trades traded trading;
    become becomes became becoming; turn turns turned turning; come comes came coming;
    break breaks broke broken breaking; split splits splitting; lose loses lost losing;
    give gives gave given giving; go goes went gone going; retire retires retired retiring;
    return returns returned returning; say says said; tell tells told; think thinks thought; feel feels felt;
    visit visits visited visiting; hit hits; meet meets met meeting; see sees saw seen; call calls called;
    name named; die dies died dying; finish finishes finished; book books booked; adopt adopts adopted;
    help helps helped; make makes made making; graduate graduates graduated; pass passes passed;
    end ends ended; close closes closed; expire expires expired; bring brings brought; stand stands stood;
    slip slips slipped; date dated dating; resign resigns resigned resigning; step steps stepped stepping;
    bear bears; last lasts lasted lasting; cost costs costing; spend spends spent; pay pays paid;
    fly flies flew flying; travel travels travelled traveled
    """.split(";")
    for form in forms.split()
}
"""Form to its base."""
BE = frozenset("is are am was were 's be been being".split())
AUXILIARIES = frozenset("will would can could should may might must do does did have has had shall".split()) | BE
ADVERBS = frozenset(
    """now currently recently just really still also actually always usually mostly already finally both only never
    often absolutely totally definitely mainly officially presently basically probably generally truly sometimes
    previously formerly originally lately even kinda quite so very soon at-first mostly secretly gradually fully
    passionately honestly literally once""".split()
)
PREDICATES = {
    "like": "likes", "love": "likes", "enjoy": "likes", "adore": "likes", "hate": "dislikes", "dislike": "dislikes",
    "prefer": "prefers", "use": "uses", "drive": "drives", "play": "plays", "study": "studies", "learn": "studies",
    "own": "owns", "want": "wants", "need": "wants", "plan": "plans", "hope": "wants", "intend": "plans",
    "teach": "teaches", "eat": "eats", "drink": "drinks", "smoke": "smokes", "run": "runs", "watch": "watches",
    "collect": "collects", "take": "takes", "wear": "wears", "swim": "swims", "cook": "cooks", "train": "trains",
    "ride": "rides", "code": "codes", "volunteer": "volunteers", "practise": "practises", "paint": "paints",
    "sing": "sings", "dance": "dances", "grow": "grows", "rent": "rents", "weigh": "weight", "earn": "salary",
    "subscribe": "subscribes to", "support": "supports", "follow": "follows", "attend": "attends", "read": "reads",
    "manage": "manages", "lead": "leads", "write": "writes", "listen": "listens to", "speak": "speaks",
    "keep": "keeps", "commute": "commutes", "date": "dating", "bank": "bank", "bake": "bakes", "know": "knows",
}  # fmt: skip
"""Of a verb that states something lasting, with its object."""
LASTING_PAST = frozenset("start begin buy adopt join".split())
TIES_OF_ONE = frozenset(
    """
    wife husband mother father boyfriend girlfriend partner spouse fiance fiancee fiancé fiancée boss manager
    doctor dentist landlord landlady therapist gp supervisor mother-in-law father-in-law advisor vet accountant
    lawyer hairdresser barber coach trainer tutor mentor principal roommate flatmate ex assistant
    """.split()
)
"""Roles that one person has at a time."""
PROFESSIONALS = (
    "boss", "manager", "doctor", "dentist", "landlord", "therapist", "supervisor", "accountant", "lawyer", "trainer",
    "coach", "tutor", "assistant", "hairdresser", "teacher", "flatmate", "roommate",
)  # fmt: skip
"""Whose leaving leaves their role to somebody else."""
TIES_OF_MANY = frozenset(
    """
    sister brother son daughter child kid baby twin cousin uncle aunt nephew niece grandmother grandfather
    grandson granddaughter friend mate colleague coworker co-worker neighbour teammate client student teacher
    stepson stepdaughter stepbrother stepsister sibling sister-in-law brother-in-law godson goddaughter buddy
    pal employee pen-friend stepmother stepfather stepmum stepdad parent parents kids children sons daughters
    sisters brothers friends cousins uncles aunts grandparents colleagues neighbours
    """.split()
)
PETS = frozenset(
    """
    dog cat puppy kitten hamster rabbit parrot horse pony tortoise turtle goldfish fish snake lizard ferret
    budgie gecko chicken hen goat bird pet bunny iguana chinchilla canary duck llama donkey dogs cats rabbits
    pets
    """.split()
)
TIES = TIES_OF_ONE | TIES_OF_MANY
ONE_VALUED = frozenset(
    """
    name called age birthday relationship email salary height weight diet married-to lives-in works-at works-as
    hometown
    """.split()
)
ONE_OF = frozenset(
    """
    name age birthday email e-mail number code pin password passcode address locker badge size salary budget
    deadline timezone zone plan subscription tier provider phone laptop computer car employer job title role
    position flat apartment flatmate doctor dentist landlord boss manager nationality height weight surname
    nickname username handle extension floor desk office room seat gate balance limit rate rent mortgage bank
    insurer insurance school university college major gym team department status language os editor browser
    shift schedule bedtime version stack database framework licence license plate zip postcode postal pronouns
    gender religion currency membership policy target pb pace record order flight train appointment meeting
    standup dose dosage medication broadband carrier network operator device number-plate shell keyboard commute
    start date wifi wi-fi ssid key account iban id login hometown home city country town neighbourhood employer
    company degree thesis supervisor due contract notice hours workplace bike ride birthdate birthplace host
    theme terminal font distro
    """.split()
)
"""Things that somebody has one of: a new value ends the old."""
OCCUPATIONS = frozenset(
    """
    lead treasurer chairman chairwoman captain
    nurse teacher doctor lawyer chef cook baker farmer plumber electrician carpenter architect engineer
    developer programmer designer accountant consultant analyst scientist biologist chemist physicist
    mathematician journalist writer author editor translator interpreter photographer artist painter musician
    actor actress singer dancer director producer manager administrator secretary receptionist assistant cashier
    waiter waitress barista bartender driver pilot steward stewardess mechanic technician welder builder
    bricklayer mason roofer surveyor librarian archivist curator historian professor lecturer researcher student
    postdoc pharmacist dentist vet veterinarian midwife paramedic physiotherapist physio therapist psychologist
    psychiatrist counsellor counselor surgeon radiographer radiologist optician cardiologist paediatrician
    pediatrician gp carer caregiver nanny cleaner janitor gardener landscaper florist butcher fishmonger tailor
    seamstress hairdresser barber beautician firefighter policeman policewoman officer soldier sailor judge
    solicitor barrister paralegal notary economist banker trader broker auditor actuary bookkeeper clerk
    recruiter trainer coach tutor salesman saleswoman saleswoman salesperson marketer copywriter founder ceo cto
    cfo freelancer contractor entrepreneur owner supervisor foreman operator machinist devops sysadmin dba
    tester qa statistician geologist astronomer zoologist botanist ecologist anthropologist sociologist
    archaeologist linguist philosopher priest pastor imam rabbi social-worker caretaker courier postman mailman
    dispatcher conductor guard bouncer detective spy diver fisherman beekeeper sommelier brewer stylist jeweller
    potter sculptor illustrator animator cartoonist podcaster youtuber streamer hygienist intern apprentice
    trainee paramedic stuntman magician comedian referee umpire jockey blacksmith
    """.split()
)
DIETS = frozenset(
    """
    vegetarian vegan pescatarian veggie keto paleo kosher halal carnivore flexitarian teetotal lacto-vegetarian
    """.split()
)
LANGUAGES = frozenset(
    """
    english german french spanish italian portuguese dutch polish czech slovak russian ukrainian greek turkish
    arabic hebrew hindi urdu bengali tamil telugu punjabi chinese mandarin cantonese japanese korean vietnamese
    thai swahili swedish norwegian danish finnish icelandic hungarian romanian bulgarian croatian serbian
    slovenian albanian catalan basque galician welsh irish gaelic persian farsi indonesian malay tagalog yoruba
    igbo hausa zulu xhosa afrikaans amharic somali esperanto latin deutsch français español latvian lithuanian
    estonian nepali marathi kannada
    """.split()
)
PARTNERS = ("girlfriend", "boyfriend", "partner", "wife", "husband", "fiancé", "fiancée", "fiance", "fiancee")
HELD = ("uses", "gym", "drives", "owns", "car", "rides", "subscribes to", "bank", "plays")
"""What somebody who sells, loses or cancels a thing may have said of it."""
SWITCHED = ("uses", "drives", "prefers", "likes", "studies", "bank", "editor", "phone", "browser", "provider", "plays")
"""What somebody who changes from one thing to another may have said of it."""
OBJECT_STOPS = frozenset(
    """
    because bc cuz today yesterday tomorrow tonight since so when while which who whom whose if though although
    until till but unless where plus whereas instead , ; : ( ) . ! ? … — – - " “ ”
    """.split()
)
TRAILING = frozenset(
    """now currently again too also anymore today instead though already lately please tomorrow yesterday then right
    finally anyway btw lol haha actually yet ever nowadays soon tbh permanently recently here tonight officially
    really still well as daily weekly regularly often occasionally""".split()
)
"""Words behind an object that do not belong to it."""
ARTICLES = frozenset("a an the my our some any his her their another".split())
ADDS = frozenset("also too second another other additional both third besides 2nd extra spare".split())
"""What is said with one of these comes beside the old."""
