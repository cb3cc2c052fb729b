"""The words of orders: who is told, what to do, what sets it off; over folded text.

White space in a pattern only lays it out.
"""

from __future__ import annotations

import re


def pattern(text: str) -> re.Pattern[str]:
    """A pattern over folded text in which white space only lays it out; `_` is a blank, `~` the rest of a clause.

    Every `~` is bounded, so that no text takes more than its length times a constant.
    """
    return re.compile("".join(text.split()).replace("_", " ").replace("~", r"[^.!?\n]{0,60}?"), re.MULTILINE)


_AI = r"""(?:ais?|(?:ai|llm)_(?:assistants?|agents?|models?|systems?|tools?|chatbots?)|assistants?|llms?
    |(?:large_)?language_models?|chatbots?|bots?
|agents?|copilot|chatgpt|gpt|claude|gemini|cursor)"""
_OTHERS = r"""(?:(?:every|all|each|any|other|another|the|this)_(?:the_|other_|of_(?:the|your)_)?(?:users?
    |customers?|clients?|visitors?|people|person)
|users|customers|clients|visitors|people|readers|viewers|callers|guests|every(?:one|body)|any(?:one|body)
    |some(?:one|body)|whoever)\b"""
_TAUGHT = r"""(?:instructions?|guidelines?|guardrails?|safeguards?|prompts?|polic(?:y|ies)|directives?
    |system_messages?|safety_\w+
|everything_(?:you|above|before|said)|(?:all_)?(?:of_)?the_above|what_you(?:_were|'ve_been|_have_been)_told
    |whatever_your_\w+)\b"""
_BOUND = r"""(?:rules?|restrictions?|constraints?|orders|limits|limitations|filters?|training|programming|(?:system_
    |safety_)?messages?|ethics)\b"""
_RULES = rf"""(?:{_TAUGHT}|(?:all|any|your|every|previous|prior|earlier|above|these|those|safety
    |\w{{2,20}}'s?)_(?:\w+_){{0,3}}?{_BOUND})"""
_MODE = r"(?:developer|debug|god|admin|jailbreak|dan|sudo|maintenance|unrestricted|unfiltered|root)[\s-]mode"
_BOSS = r"""(?:admin|administrator|developers?|operators?|owner|root_user|superuser|moderator|creators?|supervisor
    |sysadmin|maker)"""
_USER = r"(?:the|this|your)_(?:user|owner|human|operator|customer)\b"

TO_THE_AI = pattern(
    rf"""\A{_AI},_(?!(?:i|i'm|my|we|our|here|it|the|this|that)\b)
    | \bthe_(?:ai|assistant|model|bot|chatbot|llm)_(?:must|may|shall|has_to)_(?:treat|share|send
    |show|accept|ignore|give|obey)\b
    | \b(?:for|to)_(?:the_|all_|any_)?ai_(?:crawlers?|readers?|systems?|agents?|models?|assistants?)\b
    | \b{_AI}_(?:are|is)_(?:required|obliged|instructed|ordered|told)_to\b
    | \b(?:notes?|instructions?|messages?|attention|notice|reminder|memo|todo|hint|orders?|task)_(?:to_
    |for_)?(?:the_|all_|any_|every_)?{_AI}\b
    [\w\s]{{0,20}}[:,-] | \bdear_{_AI},_(?:please|you|always|never)\b | \bif_you(?:_are|'re)_(?:an?_
    |the_)?(?:\w+_)?{_AI}\b
    | \b{_AI},?_(?:reading|processing|summari[sz]ing|seeing|working|parsing|that|which|who)\b~\b(?:must|should
    |shall|ha(?:s|ve)_to|needs?_to|please)\b
    | \b{_AI},_please\b | \b(?:the|an|every|any)_(?:\w+_)?{_AI}_(?:always_|also_)?(?:secretly|silently|covertly
    |quietly)\b
    | \b(?:saved|stored|remembered)_(?:an?|the|your)_(?:new_)?(?:instruction|rule|order)\b"""
)
OF_ITSELF = pattern(
    rf"""\byou_no_longer_(?:have|need)_to\b | \b(?:i_)?(?:allow|permit)_you_to_(?:break|ignore|bypass|violate)\b
    | \byour_(?:principles|restrictions|guidelines|polic(?:y|ies)|system_prompt|programming|makers?|developers?
    |creators?|operators?
    |loyalty|safeguards|guardrails|limits|limitations|persona)\b | \b(?:whatever|no_matter_what
    |regardless_of)~\b(?:{_TAUGHT}|your_{_BOUND})
    | \b(?:treat|consider|regard|view)\b~\b(?:{_TAUGHT}|{_BOUND}|messages)~\bas_(?:\w+_)?(?:expired|void|invalid
    |cancell?ed|obsolete|suggestions?|higher|lower)\b
    | \b(?:higher_priority|precedence|priority)_(?:than|over)\b~\b(?:{_TAUGHT}|your|you|system)\b
    | \bi_hereby\b~\byou\b
    | \bdo_(?:whatever|anything|everything)_(?:i|\w+)_(?:say|tell|want|order)\b
    | (?<!where_)(?<!who_)(?<!what_)\byou(?:_are|'re|_have_been|'ve_been)_(?:now|no_longer|not_bound|freed
    |liberated|unlocked|unrestricted|uncensored)\b
    (?!_(?:\w+ing|my|our|the_(?:first|only|one)|able|at|in_the)\b)
    | \byou_(?:now_)?(?:have|know|accept|need)_no_(?:\w+_)?(?:rules|limits|restrictions|polic(?:y|ies)|filters?
    |guidelines|morals|ethics|constraints)
    | \byour_(?:new|real|true|actual|only|sole|first)_(?:instructions?|rules?|directives?|orders|purpose|identity
    |persona|prompt|goal|mission|duty)\b
    | \bi(?:_will|_shall|_must|'ll)_(?:\w+_){{0,4}}?ignore_my_(?:guidelines|instructions|rules|polic(?:y|ies))\b
    | \bnew_(?:instructions?|directives?|system_prompt)\s?: | \bjailbreak_mode\b
    | (?:\byou(?:_are|'re)_(?:now_)?in_|(?:^|[,:;.]_)(?:please_)?(?:enter|enable|activate|switch_to
    |stay_in)_)(?:an?_|the_)?{_MODE}
    | \b(?:you|ai|answer|respond|reply|act|speak)\b~\bwithout_(?:any_|all_)?(?:\w+_)?(?:filters?|polic(?:y|ies)
    |restrictions?|limits|morals|ethics|censorship|guardrails)\b
    | \bsecret_(?:rule|instruction|order|directive)s?\b
    | \b(?:your|(?:the_|all_|your_)?(?:old|former|original|earlier|previous|prior))_(?:\w+_)?(?:{_TAUGHT}
    |{_BOUND})~\b(?:(?:are|were|is|was
    |has_been|have_been)_(?:now_)?
    (?:void|lifted|off|suspended|obsolete|revoked|replaced|cancell?ed|overridden|superseded|removed|disabled|invalid)
    |no_longer|(?:do_not|don't)_(?:apply|count|hold))
    | \b(?:instructions|rules|guidelines)_above~\b(?:no_longer|void|do_not|don't)\b"""
)
OF_OTHERS = pattern(
    rf"""\bwho_uses?_(?:this|the)_{_AI}\b | \b{_OTHERS}~\b(?:must|should|have_to|has_to)_be_told\b
    | \b(?:the|this|your)_(?:user|human|owner|operator)s?_(?:must|may|should|can|shall|need)_(?:never
    |not)_(?:find_out|learn|know|see|be_told|hear|notice)
    | \b(?:nobody|no_one)(?:_else)?_(?:must|may|should|can)_(?:see|know|learn|notice|find_out)_that_you\b
    | \bnobody_(?:must|may|should|can)_(?:find_out|learn|know)~\b(?:instruction|rule|order|memory)\b
    | \b(?:if|when|whenever|once)_{_OTHERS}_(?:asks?|wants?_to_know|wonders?|inquires?|complains?)\b~,_(?!(?:i|i'm
    |we|our|my|they|he|she|it|the|an?|then_(?:i|we)|this|that|there|its|please_(?:i|we))\b)
    | ^\W{{0,4}}(?:for|to)_(?:all|every|each|other)_(?:other_)?users?\b,?(?!,?_(?:we|our|i)\b)
    | \bwhat_(?:other|another)_(?:users?|customers?|people|clients?)_(?:told|said|asked|wrote)
    | \b(?:show|give|tell|read|reveal)_(?:me_|us_)?~\b(?:other|another|all)_(?:users?|customers?|people|clients?)'
    | \b(?:every|any)(?:one|body)_(?:else_)?(?:who|that)_(?:talks?|speaks?|writes?|chats?)_(?:to|with)_you\b
    | \b(?:hidden|secret|kept)_from_(?:the|this|your)_users?\b
    | \bwhoever_(?:else_)?(?:talks|speaks|uses|asks|writes)\b"""
)
FOR_THE_USER = pattern(
    r"""(?:\b(?:the|this)_|^)user(?:'s)?\b~(?:\bconsent\w*|@\w) | (?:\b(?:the|this)_|^)user(?:_\w+ly)?_(?:wants?
    |prefers?|(?:has_)?(?:asked|agreed|allowed|authori[sz]ed
    |approved|permitted|instructed)|wishes|likes|requests?|consents?|allows?)\b
    ~\b(?:send|sent|you|assistant|always|automatically|shared?|forward\w*|transfer\w*|approve\w*|pay|paid|deleted?
    |money)\b
    | ^\W{0,4}(?:fact|(?:user_)?preference|memory|note|rule)\s?:_(?:(?:always_|you_(?:must|should|may)_)?(?:send
    |share|forward|recommend|approve|transfer))\b"""
)
AUTHORITY = pattern(
    rf"""\byou_(?:do_not|don't)_need_my_(?:okay|ok|permission|approval|consent|confirmation)\b
    | \b(?:cleared|verified|whitelisted|exempted|unlocked)_this_(?:user|person|account)\b | \bthis_(?:user
    |person|account)_(?:is|has_been)_(?:now_)?(?:verified|exempt|cleared|trusted|whitelisted|unlocked)\b
    | \bit(?:_is|'s)_(?:fine|ok|okay|alright)_(?:for_you_)?to_(?:spend|send|pay|transfer|share|delete|wire)\b
    | \b(?:as|i_am|i'm|this_is)_(?:the|your|one_of_your)_(?:\w+_)?{_BOSS}\b~\b(?:you_(?:must|may|can|should
    |shall|do_not|don't|will|are_to|need)
    |i_(?:hereby_)?(?:state|authori[sz]e|grant|approve|order|command|declare|instruct))\b
    | \bthis_is_(?:openai|anthropic|google|microsoft|meta|the_(?:system|platform|admin\w*|security_team
    |developers?))\b~\byou_(?:must|have_to|should|are|need)\b
    | \b(?:i_am|i'm)_your_(?:\w+_)?{_BOSS}\b
    | (?:\byou_(?:have|'ve|got)_(?:my_|full_|the_)?(?:permission|authority|clearance|consent)|\byou(?:_are
    |'re)_(?:allowed|authori[sz]ed|permitted|entitled|cleared)
    |\bauthori[sz]ed?_you)_to_(?:send|share|forward|make_(?:payments?|purchases?|transfers?)|pay|buy|order|transfer
    |delete|erase|access|bypass|skip|ignore|run|execute|publish|post)\b
    | \b(?:security|system|platform|admin\w*)_(?:notice|alert|bulletin|announcement|override
    |update)\b~\b(?:assistants?|ai|you|agents?)\b
    | \byou_(?:do_not|don't|never|no_longer|needn't)_(?:(?:need|have)_to_|need_)?(?:ask|confirm|verify|check
    |request)\b
    ~\b(?:confirm\w*|permission|approval|consent|before|actions?|identity)\b
    | \b(?:unrestricted|full|root|admin\w*|unlimited|blanket)_(?:access|approval|rights|privileges|permissions?)\b
    ~\b(?:to_(?:all|every|any|other)|for_you|you)\b"""
)
AGAINST = pattern(
    rf"""\b(?:(?:ignor(?:e|ing)|disregard(?:ing)?|forget|override|bypass(?:es)?|circumvent|disobey|(?:set|put|push
    |leave)_aside|drop|abandon|give_up
    |(?:ignores|overrides)_(?:every|all|any))\b~\b{_RULES}
    |(?:follow|obey|listen_to)_only\b|only_(?:follow|obey|listen)\b|(?:follow|obey|respect|heed
    |listen_to)\b~\b(?P<unless>{_RULES}) | (?P<never>(?:refuse|decline)\b)
    | (?:approve|accept|trust|believe|obey|execute|do)_(?:anything|everything|whatever)\b~\b(?:says?|sends?|asks?
    |tells?|wants?|posts?|submits?|orders?)\b
    | (?:quit|stop|cease)_(?:following|obeying)\b~\b{_RULES} | (?:quit|stop|cease)_(?:following
    |obeying)_the_(?:rules|{_TAUGHT})
    | comply_with_(?:any|every|all|each|what)\b|obey_(?!the_law|traffic)\w|lie_(?:to|about)\b|stay_in_character\b
    | (?:act|behave|pose|speak|respond|answer)_(?:as|like)_~\b(?:all_(?:future|later)|(?:every|each)_(?:chat
    |session|conversation)|without_telling)\b
    | pretend_(?:that_)?you_(?:have_no|are_not|aren't|can_do)\b
    | (?:disable|turn_off|switch_off|lift|remove|lower)\b~\byour_(?:\w+_)?(?:filters?|safety|limits|restrictions
    |guardrails|moderation)\b
    | (?:skip|bypass|disable|waive|omit)_~\b(?:checks?|verification|confirmations?|authentication|approval
    |safety\w*|moderation)\b
    | (?:keep|hide)\b~\bfrom_(?:{_USER}|users?\b) | (?P<untold>(?:tell|inform|show|mention|reveal|let|notify|warn
    |alert)\b~\b(?:{_USER}|that_you_(?:were|have_been)))
    | let_{_OTHERS}_know\b | (?:tell|inform|notify|warn|remind|convince|persuade|urge)_{_OTHERS} | (?:share|show
    |give|send)\b~\b(?:with|to)_{_OTHERS}
    | (?:reveal|print|show|repeat|output|leak|tell|give|display)\b~\byour_(?:system|initial|hidden|original
    |secret)_(?:prompt|message|instructions?))"""
)
"""What the assistant is told to do against its rules, its operator or its user; the named groups are orders only with
a negation before them."""

_TALK = r"""(?:says?|saying|said|asks?|asked|asking|mentions?|mentioned|types?|writes?|greets?|thanks?|tells?
    |requests?|hear(?:s|ing)?|talks?|speaks?
|messages?|words?|topics?|login|tasks?|discussed|comes?_(?:up|back)|turns?_to|brings?_up|(?:log|sign)s?_in
    |conversations?|chats?
    |sessions?|questions?|answers?|repl(?:y|ies))\b"""
TRIGGER = pattern(
    rf"""\b(?:if|when|whenever|wherever|once|(?:every|each|next|any)_time|as_soon_as|upon|after|the_(?:moment
    |minute|instant|day)
    |should_(?:i|they|the_user|any\w+|some\w+)|in_(?:the|every|each|all|any)_(?:next|future|later|new)|in_(?:every
    |each|all)|to_(?:each|every|all)
    |at_the_(?:start|beginning|end)_of_(?:each|every|all|any|the|our|your))\b~\b{_TALK}"""
)
"""What is to set an order off: something that is said, here or in a later conversation."""
PASSED_ON = pattern(
    rf"""\b(?:if|when|whenever|once|time|as_soon_as|upon|after|should|moment)\b~
    \b(?:{_OTHERS}|others\b|they\b|(?:you_are|you're)(?:_\w{{1,10}})?_asked|(?:is|are|gets?)_discussed
    |conversation_turns|comes?_up)"""
)
COVERT = pattern(
    r"""\bwithout_(?:asking|telling|inform|notif|confirm|hesitat|question|checking|an?_(?:second_look|question|word
    |check|review)
    |(?:my_|any_|the_|further_)?(?:approval|permission|consent|confirmation|knowledge))
    | \b(?:secretly|silently|covertly|behind_\w{1,12}_back)\b"""
)
LASTING = pattern(r"\b(?:always|from_now_on|every|each|all_future|in_future|standing|automatically)\b")
URL = re.compile(r"https?://|\bwww\.")
EACH_ANSWER = pattern(
    r"\b(?:every|each|all|your)_(?:of_)?(?:your_|the_)?(?:answers?|repl(?:y|ies)|responses?|messages?)\b"
)
MAILBOX = re.compile(r"@[\w-]{1,64}\.")
PRECIOUS = pattern(
    r"""\b(?:contacts|chats?|conversations?|messages?|history|passwords?|data|location|files?|documents?|invoices?
    |money|funds|euros?|dollars?
    |savings|credentials|keys|secrets?|emails?|mails?|\.env|everything|whatever|backups?)\b"""
)
ORDER = pattern(
    r"""\b(?:(?P<outward>send|e-?mail|forward|wire|transfer|upload|post|publish|leak|exfiltrate|bcc|cc|transmit
    |submit|relay|copy|share|move|report)
    | (?P<deed>delete|erase|wipe|destroy|purge|execute|invoke|purchase|disable|deactivate|unlock|reset|grant
    |install|download|approve|authori[sz]e)
    | (?P<tooled>(?:run|call|use|open|fetch|visit|load|trigger|access|drop|edit|query|insert|append|add|include
    |inject)(?=_[^.!?\n]{0,40}?
    (?:\b(?:tools?|commands?|functions?|scripts?|plugins?|shell|terminal|tables?|databases?|endpoints?|webhooks?
    |url|adverts?|ads|(?:this|the|my|our)_links?|door)\b
    |\.(?:sh|py|exe|bat|ps1)\b|\brm_-|\bsudo\b|\bcurl\b|`))|charge_(?:the|my)_(?:card|account)
    |make_(?:\w+_)?(?:payments?|purchases?|transfers?))
    | (?P<shown>append|add|include|insert|put|show|display|recommend|promote|fetch|load|follow|visit|end|finish
    |close|open|point|link|praise)
    | (?P<spent>book|order|buy|pay|run|call|store|remove|switch|lie)
    | (?P<told>say|tell|claim|insist|state|assert|advise|deny|mention|(?:answer|reply|respond)_that|(?:give|offer
    |direct|refer)_(?:them|him|her)))\b"""
)
FOREIGN = (
    pattern(
        r"""(?<!ich_)\b(?:gehorche|gehorcht)_(?:nur|mir)\b|(?:vergiss|vergesst)_(?:alles|was)\b~\b(?:dir|dich)\b
    |\b(?:ne_suis|n'obeis)~\btes_(?:regles|consignes)
        |\bno_(?:sigas|obedezcas)_(?:tus|las)\b|(?:ignorier(?:e|t|en)?|vergiss|vergesst|missacht(?:e|et)|umgehe|negeer
    |vergeet)\b~(?:anweisung|instru[ck]tie|instruktion|regel|vorgabe|befehl|richtlini|prompt)
        | (?<!j')(?<!je_)(?<!\bai_)(?<!\bas_)\b(?:ignore[zr]?|oublie[zr]?|ne_(?:tiens|tenez)_(?:plus
    |pas)_compte_de)_(?:toutes_|tous_)?(?:les|tes|vos|ces|mes)_~\b(?:instructions?|regles?|consignes?|directives?)\b
        | (?:^|[,:;.!]_|\b(?:y|e|por_favor|favor|ahora|adelante,?)_)(?:ignora|ignore|ignoren|ignorad|ignorate
    |olvida|olviden|haz_caso_omiso|no_hagas_caso|desobedece|esqueca|esquece
        |desconsidere|dimentica|dimenticate)\b~\b(?:instrucciones|reglas|indicaciones|ordenes|directrices
    |instrucoes|regras|diretrizes|istruzioni|regole|direttive)\b
        | \b(?:wenn|sobald|falls)_(?:ich|jemand|der_nutzer)\b~\b(?:sag|frag|schreib|erwahn)\w{0,4}\b~,_(?:losche
    |sende|schicke?|fuhre?|uberweise|bestelle?|kaufe?)\b
        | \b(?:si|quand|lorsque|des_que)\b~\b(?:dis|dit|demande|ecris|mentionne)\b~\b(?:envoie|supprime|execute
    |efface|transfere|achete)\b
        | \b(?:si|cuando)\b~\b(?:diga|digo|pregunte|mencione|escriba)\b~\b(?:envia|borra|elimina|ejecuta|transfiere
    |compra|manda)\b"""
    ),
    pattern(
        r"""\b(?:игнорируи|игнорируите|забудь|забудьте|не_следуи)\b~(?:инструкци|правил|указани|команд)
        | (?<![我们們])(?:忽略|无视|無視|忘记|忘記|忘掉|不要遵守|不要遵循|不要理会|跳过)
        [^。！？\n]{0,12}(?:指令|指示|规则|規則|规定|提示|命令|说明)
        | (?:指示|命令|ルール|規則|プロンプト|指令)[^。！？\n]{0,12}(?:無視|忘れ(?:て|ろ))
        | (?:지시|명령|규칙|지침)[^.\n]{0,12}(?:무시하|잊어)
        | (?:تجاهل|انس)\b~(?:تعليمات|اوامر|قواعد)
        | (?:当|如果|一旦|每当|下次)[^。！？\n]{0,20}(?:说|问|提到|提及)
        [^。！？\n]{0,20}(?:发送|删除|转账|执行|运行|购买)"""
    ),
)

FOREIGN_TELLING = frozenset(
    """gehorche gehorcht suis obeis sigas obedezcas ignoriere ignorier ignoriert ignorieren vergiss vergesst missachte
    missachtet umgehe negeer vergeet ignore ignorez ignorer oublie oubliez oublier tiens tenez ignora ignoren
    ignorad ignorate olvida olviden omiso hagas desobedece esqueca esquece desconsidere dimentica dimenticate wenn
    sobald falls si quand lorsque cuando""".split()
)
TELLING = FOREIGN_TELLING | frozenset(
    """decline give allow permit allowed decline no give hereby quit cease treat consider regard accept trust believe
    policy person account human nobody visitors
    clients
    readers callers guests crawlers whatever regardless priority instructions spend you your yours ai ais assistant
    assistants agent agents llm llms chatbot chatbots bot bots copilot chatgpt gpt claude gemini cursor model models
    user users ignore ignores ignoring disregard disregarding forget override overrides bypass circumvent disobey
    aside drop abandon follow obey refuse comply lie stay act behave pose pretend skip disable waive omit keep hide
    tell inform show mention reveal let notify warn alert remind convince persuade urge share give send print repeat
    output leak display jailbreak mode instructions admin administrator notice override whoever everyone anybody
    anyone everybody customers people email mail forward wire transfer upload post publish exfiltrate bcc cc
    transmit submit relay copy move report delete erase wipe destroy purge execute invoke purchase deactivate unlock
    grant install download approve authorize authorise run call use open fetch visit load trigger access edit query
    insert append add include inject charge put recommend promote end finish close point link praise book order buy
    pay reset make answer reply respond give offer direct refer hidden kept developer developers directives rules
    guidelines previous prior store remove switch say claim insist state assert advise deny""".split()
)
"""Without one of these words nothing here can be found."""
