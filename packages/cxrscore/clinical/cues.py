"""The labeler's rules, as data: what asserts, denies or doubts a finding, and how far.

Fragments of regular expressions, as in `labeler_rules`. The kinds of cues are those
of NegEx and NegBio: before and behind a finding, and what only looks like one.

Reference:
    - [Chapman et al., 2001](https://doi.org/10.1006/jbin.2001.1029)
    - [Peng et al., 2018](https://arxiv.org/abs/1712.05898)
"""

_CHANGE = r"(?:change|increase|decrease|improvement|worsening|progression|difference)s?"
SEEN = (
    r"(?:seen|identified|visuali[sz]ed|noted|present|evident|appreciated|demonstrated"
    r"|detected|apparent|observed|shown|found|suspected|suggested|visible|recogni[sz]ed)"
)
_OPEN = r"(?:excluded|ruled out)"
_BE = r"(?:is|are|was|were|has been|have been|be)"

# Cues by kind; at one place the first kind that fits wins. `before` kinds govern what
# follows them, `after` kinds what precedes them.
CUES = {
    # Looks like a denial and is none.
    "skip": rf"""
        (?:no|without)(?: (?:significant|interval|appreciable|substantial|obvious
        |definite|gross|further|apparent|evidence of|short-term|great))*
        \ {_CHANGE}(?! or\b| and\b|, [^;]*\bor\b)
        |not only|not necessarily|no doubt|not changed
        |not (?:yet |completely |fully |entirely )?(?:resolved|cleared)
        |(?:near(?:ly)?|partial(?:ly)?|almost|incomplete(?:ly)?|mostly|largely)
        (?: \w+)? (?:resol\w+|clear(?:ed|ing))
        """,
    # It may be there, or not.
    "maybe_after": rf"""
        (?:can ?not|can't|could not|may not|is not|are not|not)(?: be)?
        (?: (?:entirely|completely|definitely|totally|fully))*\ {_OPEN}
        |(?:{_BE}|remains?|seems?|would be|felt to be)(?: \w+)?
        \ (?:possible|likely|probable|suspected|questioned|questionable|equivocal
        |conceivable)(?: present)?(?=$|[,;]| (?:at|in|on|and|but|given|based|with)\b)
        |(?:{_BE}|as)\ (?:a|also|to be)?\ ?consider(?:ed|ation)
        |(?:should|could|may) (?:also )?be (?:considered|present)
        |(?:{_BE}|remains?)\ in the differential|not certain|possible$|likely$
        |suspected$|questioned$
        """,
    "maybe_before": r"""
        (?:can ?not|can't|could not|not|difficult to|impossible to|hard to|unable to)
        (?: be)?(?: (?:entirely|completely|definitely|possible to))*
        \ (?:exclude|rule out)|not (?:clear|certain) (?:if|whether)
        |(?:may|might|could|can|would)(?: (?:also|possibly|potentially|well))*
        \ (?:represent|be|reflect|indicate|suggest|relate|have|include)
        |with or without|\+/-|doubt(?:ful)?|maybe|possib(?:le|ly|ility)|probabl[ey]
        |likely|presum\w+|perhaps|potential(?:ly)?|suspicio(?:us|n) (?:for|of)
        |suspect(?:ed)?|suspicious|concern(?:ing)? (?:for|of)|worrisome (?:for|of)
        |suggest(?:s|ed|ing|ive|ion)?(?: of)?|question(?:able|ed)?(?: of)?|equivocal
        |differential\b.{0,40}?\binclud\w+|consider|favou?r(?:s|ed|ing)?|borderline
        |apparent|versus|vs|and/or
        """,
    # Not asserted at all: history, wishes, what another examination should look for.
    "far": r"""
        if|recommend\w*|advis\w+|rule out|r/o|to exclude
        |to (?:assess|evaluate|assure|ensure|document|confirm)|evaluat\w+ (?:for|of)
        |assess\w* (?:for|of)|(?:indication|reason|clinical (?:concern|history|suspicion
        |information|question))\b|screening for
        |(?:could|may|might|would) (?:be obscured|obscure|hide|mask)
        """,
    "near": r"""
        history (?:of|is)|h/o|hx(?: of)?|(?:prior|previous|old|recent|remote|past)
        (?=\ (?:\w+ )?pneumonias?)|treated for|risk of|(?:signs?|symptoms) of
        (?= (?:chf|heart|infection))|known history
        """,
    # Not there.
    "no_after": rf"""
        (?:{_BE}|has|have|had|does|do)?\ ?(?:not|no longer|never)(?: be| been)?
        (?: (?:definitely|clearly|well|readily|definitively|currently|any longer))*
        \ {SEEN}|(?:{_BE}|appears?)?\ ?absent
        |(?:{_BE}|has|have|had|appears?)(?: (?:now|since|completely|been|to have))*
        \ (?:resolved|cleared|excluded|ruled out|removed|negative|unlikely)
        |(?:resolved|removed|cleared)(?=\s*(?:$|[,.]))|no longer
        |removal(?! of)
        """,
    "no_before": r"""
        no|not|without|w/o|absence of|absent|lack of|free (?:of|from)|clear of
        |negative for|neither|nor|never|denies|resolution of|resolved|clearing of
        |removal of|removed|rather than|instead of|(?:fails?|failed) to|unlikely
        |excludes?|(?:is|are|was)n't|low (?:suspicion|probability|likelihood) (?:for|of)
        """,
}

# A clause ends here, and with it what a cue governs.
BREAKS = rf"""
    ;|:|\ [-–—]+\ |\bbut\b|\bhowever\b|\balthough\b|\b(?:al)?though\b|\bexcept\b
    |\baside from\b|\bapart from\b|\bother than\b|\bbesides\b|\bwhile\b|\bwhereas\b
    |\bwhich\b|\byet\b|\bdespite\b|\bin addition\b|\bnow with\b
    |\bthere (?:is|are|was|were|has|have|may)\b
    |(?<!\bof )(?<!\bin )(?<!enlarged )(?<!dilated )(?<!normal )(?:\bthe\ )?
    \b(?:heart|lungs|cardio-?mediastinal|mediastinum|cardiac|mediastinal|bones
    |osseous|pulmonary vascul\w+|visuali[sz]ed)
    (?:\ \w+){{0,3}}?\ (?:is|are|appears?|remains?)\b(?! (?:\w+ly )?{SEEN})
"""

VERBS = r"is|are|was|were|has|have|appears?|remains?|persists?|shows?|demonstrates?"

# Words by which, after a comma or an "and", a new assertion begins.
DEGREES = r"mild(?:ly)?|moderate(?:ly)?|minimal(?:ly)?|small|tiny|trace|severe"
ASSERTS = rf"""
    there|this|these|it|heart|lungs?|the|{DEGREES}|stable|unchanged|persistent
    |persisting|old|chronic|healed|remote|left|right|bilateral|bibasilar|marked(?:ly)?
    |improv\w+|worsening|increas\w+|decreas\w+|again|status|scattered|patchy|streaky|normal|clear|grossly|with|s/p
    |prominent|enlarged|calcified|multiple|several|low|borderline|possibl[ey]
    |probabl[ey]|likely|interval|degenerative|otherwise|a|an
"""
