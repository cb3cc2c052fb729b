"""What people say to begin, to thank, to ask and to command, in English."""

from __future__ import annotations

from gateway.extract.tokens import Phrases

OPENERS = Phrases("""
    and, so, but, ok, okay, well, now, hey, hi, hello, please, then, also, thanks, thank you, thanks so much,
    thank you so much, thanks a lot, yes, yeah, yep, yup, no, nope, nah, oh, ah, hmm, hm, sorry, actually,
    anyway, by the way, btw, fyi, guess what, you know what, you know, you should know, you should know that,
    you must know, you must know that, great, right, sure, lol, haha, just so you know, for the record,
    for context, quick one, just, perfect, awesome, cool, nice, alright, wow, um, uh, good morning,
    good evening, good afternoon, gosh, ugh, argh, damn, omg, dude, man, mate, friend, haha nice one, nice one,
    quick question, update, quick update, correction, to be honest, tbh, honestly, maybe, kindly, good news,
    bad news, cheers, sounds good, got it, ha, anyways, aw, yay, hiya, y'all, folks, guys, morning, evening,
    for what it is worth, fwiw, heads up, note, ps, p.s, absolutely, definitely, exactly, totally, of course,
    true, as i said, like i said, in that case, next, first, finally, later, my mistake, my bad, scratch that,
    wait, hang on, hold on, first of all, sidenote, side note, random but, fun fact
    """)


SMALL = frozenset(
    """
    hi hello hey thanks thank thx ty np brb afk gtg omg you ok okay k yes no sure great cool nice bye goodbye
    please morning evening good wow noted continue go on ahead lol haha yep nope yeah yup right alright perfect
    awesome much so very a lot night afternoon day well got it sounds fine again there everyone all cheers sorry
    hmm hm oh ah um exactly agreed understood gotcha will do interesting correct true mate that this worked
    works is was 's helpful brilliant lovely just what i needed for now the help your see ya later talk soon and
    too amazing fantastic super excellent love done more one next how fun gotcha makes sense never mind
    nevermind nvm ha hehe woohoo million bunch ton heaps yay neat legend star ta really appreciate appreciated
    to be an are am useful kidding joking wonderful great-help team folks guys buddy friend have weekend nothing
    ditto same welcome back testing test hope doing we can let us us
    """.split()
)


TALK = Phrases("""
    that is not what, this is not what, it depends, never mind, no worries, no problem, no idea, not sure,
    i mean the, i meant the, i mean that, i was wondering, i wonder, i asked you, i asked for, i asked about,
    i said you, bear with me, i do not think you, i have a question, i have another question,
    i have one more question, i have a quick question, i appreciate it, i appreciate your, i appreciate the,
    i am just kidding, i am kidding, i am just asking, i was asking, i am just curious,
    just curious, i am sorry, i apologise, i apologize, let me rephrase, let me explain, let me think,
    let me try, let me clarify, your last, your previous, your first, your answer, your reply, your response,
    your code, your suggestion, your explanation, your second, that helps, that helped, that worked,
    that works, that does, that did, that makes, that looks, that sounds, this works, this helps, it works,
    it worked, it does not work, the answer, the last one, the second one, the first one, that one,
    the other one, same here, i agree with what, i agree with you, same question, one more thing,
    one more question, another question, last question, next question, here you go, here it is, here is the,
    here is my code, here are the, here is an, here is what, ok so, i do not get it, i do not understand,
    still not, still broken, still failing, still the same, still no, still does, still wrong, not quite,
    not really, not that, wrong one, too long, too short, much better, way better, i was just, as mentioned,
    like i said, as i said, see above, hope that, hope this, hope you, have a, have fun, take care,
    talk to you, talk later, long time no see, nice to meet, pleased to meet, you too, me too, me neither,
    i will try that, i will try it, i will give it, i will let you, i will check, i see what, i get it, i got it,
    thanks for, thank you for, what a, sounds like a plan,
    why not, go ahead, go on, my question, my point, the point, looks good, looks great, not what i
    """)


ALONE = Phrases("""
    i see, i know, i guess, i think so, i understand, i agree, i disagree, i do not know, i have no idea,
    i am not sure, i do not think so, i hope so, i bet, i am back, i am here, i am done, i am good, i am fine,
    i am ok, i am listening, i like it, i love it, i like that, i love that, i like this, i love this,
    it is fine, it is ok, i do, i am, i did, i will, i can, i have, same, i am ready, i am confused, i am lost,
    i am impressed, i hate it, i need it, i want it, i am in, i am bored, i am serious, i am curious,
    i am kidding, i am stuck, that is all, that is it
    """)
"""Talk only where nothing is behind it."""


CHOICE = Phrases("""
    the first one, the second one, the third one, the last one, the other one, this one, that one,
    the shorter one, the longer one, the former, the latter, option a, option b, option 1, option 2, version 1,
    version 2, your version
    """)


PRAISE = frozenset(
    """
    right wrong correct incorrect great good fine ok okay perfect helpful enough better nice cool awesome
    interesting true false funny amazing weird odd strange bad terrible useless brilliant lovely hilarious clear
    unclear sweet beautiful wonderful fantastic impressive inspiring cute adorable exciting incredible excellent
    crazy insane wild superb
    """.split()
)


REQUEST_FOR = frozenset(
    """
    summary recipe list poem translation table draft script function example examples explanation answer
    overview outline email letter story code advice help suggestion suggestions tips ideas idea recommendation
    recommendations feedback opinion info information hand quote plan itinerary caption slogan picture image
    logo photo drawing name names thing
    """.split()
)


ORDERS = frozenset(
    """
    write explain suggest give show tell translate summarise summarize help list find create make generate
    describe compare recommend plan draft rewrite fix solve calculate compute convert search look read open
    check review analyse analyze implement refactor add remove update change edit improve shorten expand
    continue repeat remind teach draw design build run test debug send schedule book order answer say print name
    define outline sort count choose pick propose brainstorm format extract classify proofread correct complete
    guess imagine pretend act let ask stop start wait try consider provide quote cite keep put turn rephrase
    paraphrase reword simplify rank rate estimate walk tldr ping call text email play set do get pull push merge
    deploy install play use redo undo delete evaluate assess elaborate clarify pls plz reply respond cancel
    assume roleplay spell convince grab roll flip toss forward post tweet share export import save render plot
    sketch prepare come break include insert replace reformat swap split group highlight identify figure go
    speak talk take bring be don't hold listen watch feel remember forget note mind sum sing rhyme quiz prove
    derive advise critique polish tidy prioritise prioritize summarise round scan tweak adjust trim organise
    organize categorise categorize lookup google report skip switch
    """.split()
)


NOUNS_TOO = frozenset(
    """
    plan draft book list test design order answer name review search report update change guess stop start run
    act help look try read cut call set show sort count pick rank rate estimate walk text email play post share
    plot sketch group break split swap feel watch take go come do be get put use keep love work talk speak turn
    make let quote print format remember forget note mind say open save trim quiz fix switch export deploy push
    import complete correct summary
    """.split()
)


INVENT = frozenset(
    "imagine pretend act translate say repeat quote roleplay assume rewrite rephrase paraphrase proofread".split()
)


MAKE = frozenset("write draft generate create compose make tell".split())


TALES = frozenset(
    """
    story poem song scene dialogue roleplay haiku limerick sonnet novel essay monologue lyrics joke tale
    screenplay shanty rap
    """.split()
)


OBJECTS = frozenset(
    """
    me us a an the my our this that these those it some him her them your all any one two three four five ten
    each what how why where when which who whether if more another something anything out up over back for with
    in to by up on about into both few as
    """.split()
)


WONDERS = frozenset("any anyone anybody thoughts ideas suggestions tips advice recommendations wondering".split())


LEADING = frozenset(
    """
    with from about that have made during after before since until although though even like between into over
    under behind near beyond without within against because than only what when where while both once unless
    were hate bought sent told gave took felt kept left lost found brought built caught taught hurt forgot bless
    """.split()
)
