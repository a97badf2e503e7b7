"""The labeler's rules, as data: what asserts, denies or doubts a finding, and how far.

Fragments of regular expressions, as in `rules`. The kinds of cues are those of NegEx
and NegBio: before and after a finding, and what only looks like one.

Reference:
    - [Chapman et al., 2001](https://doi.org/10.1006/jbin.2001.1029)
    - [Peng et al., 2018](https://arxiv.org/abs/1712.05898)
"""

# === Words that cues are made of ===

_CHANGE = r"(?:change|increase|decrease|improvement|worsening|progression|difference)s?"
SEEN = (
    r"(?:seen|identified|visuali[sz]ed|noted|present|evident|appreciated|demonstrated"
    r"|detected|apparent|observed|shown|found|suspected|suggested|visible|recogni[sz]ed)"
)
_THERE = rf"(?:{SEEN}|discern(?:ed|ible)|perceived|in evidence|in place|there\b)"
_LY = r"(?!\w*(?:megaly|anomaly|likely)\b|(?:near|part|most|large|incomplete))\w+ly"
# Adverbs, any number up to three, may stand inside a cue: "cannot be *entirely* …".
_ADVERBS = (
    rf"(?: (?!only\b|possibly\b|probably\b)(?:{_LY}|quite|altogether|yet|also|still"
    r"|again|now|since|so|well|very|too|most|much|rather|further|all|both|either|even|ever"
    r"|less|any longer|at this time|with certainty)\b){0,3}"
)
_MIGHT = r"(?:can|could|may|might|would)"
_MAY = rf"(?:{_MIGHT}|should|must|will)"
_BE = (
    rf"(?:{_MAY} )?(?:is|are|was|were|be|been|being|(?:has|have|had)(?: (?:\w+ly|now"
    r"|since|also))? been|seems?|appears?|remains?|looks?|becomes?|became)"
)
_NOT = (
    rf"(?:(?:{_BE}|{_MAY}|has|have|had|does|do|did) )?"
    r"(?:not|never|no longer|nowhere|cannot|by no means|in no way)"
)
_NOT_BE = rf"{_NOT}{_ADVERBS}(?: (?:be|been))?{_ADVERBS}"
_HELD = (
    r"(?: (?:thought|felt|believed|considered|deemed|judged|regarded|reported|said)"
    r"(?: (?:to be|as))?| to be| to have)?"
)
# After a finding, its statement ends; a noun that follows belongs to another finding.
_STOP = (
    r"(?=$|[,;:)\]]| (?:at|in|on|and|but|given|based|with|without|from|for|by|due"
    r"|because|as|though|although|however|here|now|again|today|currently|bilaterally"
    r"|throughout|entirely|completely|over|within|since|after|clinically)\b)"
)
_WHETHER = (
    rf"(?:{_NOT}{_ADVERBS} (?:clear|certain|sure|known)|un(?:clear|certain|known)"
    r"|doubtful|questionable|question of) (?:if|whether)"
)
_EXCLUDE = r"(?:exclude|rule out|discount|dismiss|eliminate)"
_EXCLUDED = (
    r"(?:excluded|ruled in or out|ruled out(?! for\b)|discounted|dismissed|discarded"
    r"|eliminated)"
)
_HARD = (
    r"(?:(?:very|too|more) )?(?:difficult|hard|impossible|challenging|not possible"
    r"|not easy|insufficient|inadequate|not sufficient|unable|not able)"
)
_DOUBTED = (
    r"(?:possible|likely|probable|suspected|questioned|questionable|equivocal"
    r"|conceivable|suggested|hinted at|favou?red|preferred|presumed|uncertain"
    r"|unclear|indeterminate|inconclusive|doubtful|doubted|debatable"
    r"|plausible|raised|entertained|queried|considered|consideration"
    r"|possibilities|considerations|concerns|of concern"
    r"|not (?:certain|clear|unlikely|improbable|impossible)"
    r"|(?:a|an|the|another|one)(?: [\w-]+){0,2} (?:possibility|concern|question"
    r"|consideration|worry|candidate|diagnosis|explanation)"
    r"|(?:in|on|within|among|part of)(?: the)?"
    r" (?:question|differential(?: diagnosis)?)\w*)"
)

# === Cues ===

# Cues by kind; at one place the first kind that fits wins. `before` kinds govern what
# follows them in their clause, `after` kinds what precedes them, `far` all the rest of
# the sentence. Of the cues that govern one finding the first of `far` and `near`,
# `open`, `no`, `maybe` decides.
CUES = {
    # Looks like a denial but is not.
    "skip": rf"""
        (?:no|without)(?: (?:significant|interval|appreciable|substantial|obvious
        |definite|gross|further|apparent|evidence of|short-term|great))*
        \ {_CHANGE}(?! or\b| and\b|, [^;]*\bor\b)
        |not only|not necessarily|(?:not|no(?: reason to)?|little) doubt|not changed
        |{_NOT_BE} absent|{_WHETHER}
        (?=[^,;]* (?:new|old|acute|chronic|changed|(?:larg|small)er|(?:in|de)creased)\b)
        |nothing but|not without
        |not(?: yet| all)?{_ADVERBS} (?:resolved|cleared|gone|disappeared)
        |(?:near(?:ly)?|partial(?:ly)?|almost|incomplete(?:ly)?|mostly|largely)
        (?:[ -]\w+)? (?:resol\w+|clear(?:ed|ing|ance)|absent|gone)
        |removed and (?:replaced|exchanged)|{_NOT}(?: be)? well {SEEN}
        |{_NOT_BE} {SEEN} (?:before|previously|yesterday|(?:on|in|at)
        (?: the| an?| any| that)? (?:prior|previous|earlier|preceding|last|old))
        """,
    # Neither shown nor excluded. A denial in the same breath does not close it:
    # "not seen but cannot be excluded", "difficult to exclude".
    "open_after": rf"""
        (?:{_NOT_BE}|{_MIGHT} (?:hardly|scarcely|barely) be|neither(?: be)? \w+ nor)
        \ (?:{_EXCLUDED}|confirmed|proven|established|determined|verified|assured
        |guaranteed|ascertained|out of the question)
        |(?:{_BE}{_ADVERBS} )?{_HARD} to{_ADVERBS}
        \ (?:{_EXCLUDE}|confirm|assess|see|detect){_STOP}
        |{_NOT}{_ADVERBS} {_EXCLUDE}(?=$|[,.)])
        |{_MIGHT} have{_ADVERBS} (?:resolved|cleared)
        |(?:must|should|(?:ha[sd]|have|needs?|ought|remains?) to) be{_ADVERBS}
        \ {_EXCLUDED}
        |(?:remains?|(?:is|are) still){_ADVERBS} {_DOUBTED}{_STOP}
        """,
    "open_before": rf"""
        neither(?=[^,;]* nor [^,;]* (?:{_MIGHT} be|{_BE}) (?:{_EXCLUDED}|confirmed))
        |(?:{_NOT_BE}|{_HARD} to)(?: possible to)?{_ADVERBS} {_EXCLUDE}
        |(?:excluding|ruling out|{_EXCLUDE})(?=[^,;]{{1,60}} {_BE}{_ADVERBS} {_HARD}$)
        |no(?: one can| way to| means to)? {_EXCLUDE}|no excluding|{_WHETHER}
        """,
    # Not there: "is thought unlikely", "has been excluded", "is not believed to be
    # present"; "none of", "as opposed to", "argues against".
    "no_after": rf"""
        {_NOT_BE} {_THERE}|{SEEN} neither
        |{_NOT}{_ADVERBS} (?:exists?|(?:develop|recur|occur|persist)\w*){_STOP}
        |{_NOT}{_ADVERBS} (?:thought|felt|believed|considered|favou?red|likely|probable
        |(?:a|of)(?: \w+)? (?:concern|consideration|possibility|diagnosis))
        (?: to be| as)?{_ADVERBS}(?: (?:present|likely|probable|there))?{_STOP}
        |{_BE}{_ADVERBS}{_HELD}{_ADVERBS} (?:gone|resolved|cleared|{_EXCLUDED}
        |removed(?! and (?:replaced|exchanged))|explanted|discontinued|negative(?! for)
        |pulled(?! back)|out(?=$|[,.])
        |(?:absent|non-?existent|unlikely|improbable|implausible){_STOP})
        |{_MIGHT}{_ADVERBS} be{_ADVERBS} (?:{_EXCLUDED}|unlikely{_STOP})
        |(?:has|have|had){_ADVERBS} (?:resolved|cleared|disappeared|vanished|subsided)
        |(?:absent|resolved|removed|cleared|gone|unlikely|improbable|{_EXCLUDED})
        (?=\s*(?:$|[,.)])| (?:but|without|bilaterally|throughout|since)\b)
        |no longer(?=$|[,.])|removal(?! of)
        """,
    "no_before": r"""
        no|not|no longer|without|w/o|absence of|absent|lack(?:s|ing)?(?: of)?
        |(?:free|clear|devoid) (?:of|from)
        |(?:none|neither)(?: of)?(?: the| these| those)?(?: [\w-]+){1,4}?
        (?=\ (?:(?:is|are) an?|represents?|reflects?|indicates?|suggests?
        |ha(?:s|ve) (?:grown|changed|increased))\b)
        |cannot be (?:called|considered|said to be)
        |neg(?:ative)? for|neither|nor|never|none(?: of the following)?|nothing|denies
        |resolution of|resolved|(?:clearing|clearance|disappearance) of
        |removal of|removed|rather than
        |(?:instead|in place|in lieu) of
        |(?:little|scant|insufficient) evidence|in(?:consistent|compatible) with|zero
        |(?<![.,/])0(?= (?![cm]m\b)[a-z])
        |(?:argu|speak|weigh|militat|mitigat)\w*(?: strongly)? against
        |(?:is|are|evidence) against|against (?:a|the) (?:diagnosis|presence)
        |(?:as )?opposed to|ruled out for|(?:fails?|failed|failing) to
        |unable to (?:see|identify|detect|demonstrate|appreciate|visuali[sz]e)
        |unlikely|improbable|exclud(?:es?|ing)|rules out
        |low (?:suspicion|probability|likelihood) (?:for|of)
        """,
    # It may be there, or not: "remains a consideration", "if any"; "may represent".
    "maybe_after": rf"""
        {_BE}{_ADVERBS}{_HELD}{_ADVERBS} (?:(?:less|more|most) likely|{_DOUBTED})
        (?: present)?{_STOP}
        |{_MAY}(?: (?:also|well|easily))?(?: be)?{_ADVERBS} (?:missed|hidden|obscured
        |overlooked|masked|concealed|considered|present)
        |{_MIGHT}(?: \w+)? (?:go (?:unseen|unnoticed|undetected)|escape \w+)
        |(?:{_BE} )?(?:possibly|probably|presumably|perhaps)(?: {_BE})? {SEEN}{_STOP}
        |as (?:a )?consideration|more likely than not
        |if (?:any|present|real|at all)(?: at all)?(?=$|[,)])
        |(?:possible|suspected|questioned|favou?red)(?=$|[,)])|likely(?=$|\))|\?$
        |(?:suspected|questioned|favou?red)(?= (?:at|in|on|over|within)\b)
        """,
    "maybe_before": rf"""
        {_MIGHT}{_ADVERBS}(?: (?:possibly|potentially))?
        \ (?:represent|be|reflect|indicate|suggest|relate|have|include|appear|seem)
        |with or without|\+/-|doubt(?:ful(?:ly)?)?|maybe|conceivabl[ey]
        |possib(?:le|ly|ility)|probabl[ey]|likely|presum\w+|perhaps
        |potential(?:ly)?|suspicio(?:us|n) (?:for|of)
        |suspect(?:ed)?|suspicious|worrisome (?:for|of)
        |concern(?:s|ed|ing)? (?:for|of|about|regarding)
        |suggest(?:s|ed|ing|ive|ion)?(?: of)?|question(?:abl[ey]|ed)?(?: of)?
        |equivocal(?:ly)?|quer(?:y|ied)|differential\b.{{0,40}}?\binclud\w+|consider
        |either(?=[^,;]* or )|favou?r(?:s|ed|ing)?|borderline|apparent
        """,
    # Not asserted: advice ("correlate clinically for"), wishes, what another
    # examination should look for.
    "far": rf"""
        if|recommend\w*|advis\w+|rule out|r/o|to exclude
        |please (?:{_EXCLUDE}|evaluate|assess|check)
        |to{_ADVERBS}(?: better)? (?:assess|evaluate|assure|ensure|document|confirm
        |look for|check for|rule out|exclude)
        |(?:evaluat|assess)\w*(?: [\w-]+){{0,3}} (?:for|of)|evaluation with|look for
        |(?:ct|mri|imaging|views?|series|ultrasound) for
        |correlat(?:e|ion)(?: [\w-]+){{0,3}} (?:for|of|with|regarding)
        |follow(?:ed)?-? ?up(?: \w+){{0,2}} (?:for|of)|(?:screening|surveillance
        |monitor(?:ing)?|watch) for|attention(?: [\w-]+){{0,3}} (?:for|to)
        |(?:in)?sensitiv(?:e|ity) (?:for|to|in)
        |consider(?: [\w-]+){{0,2}} (?:ct|mri|views?|series|ultrasound|imaging|films?
        |radiographs?|follow-? ?up|correlation)
        |(?:(?<!no )indication|reason(?! to\b)|clinical (?:concern|history|suspicion
        |information|question))\b
        |{_MAY} (?:obscure|hide|mask)
        """,
    "near": r"""
        history (?:of|is)|history(?=:)|known(?=[^,;]*, follow-? ?up$)|h/o|hx(?: of)?
        |(?:prior|previous|old|recent|remote|past)
        (?=\ (?:\w+ )?pneumonias?)|treat(?:ed|ment)? for|risk of|(?:signs?|symptoms) of
        (?= (?:chf|heart|infection))|known history|(?:patient|man|woman|male|female)
        \ with known
        """,
}

# Between two findings: one of them, it is not known which. Words between two marks
# of an alternative and its finding are few, and none of them begins another statement.
OR = (
    r"/|or(?:,? alternatively)?|versus|vs|and/or|alternatively"
    r"|(?:is )?(?:(?:more|less) likely than|favou?red over)"
)
# One finding is enough: what stands on the other side may have no name here.
VERSUS = r"versus|vs|and/or"

# A doubt that is one word ends at a comma, unless the list goes on to an "or", and
# where something is too plain to be doubted.
PLAIN = r"large|extensive|massive|dense|marked|known"
ONE_WORD = (
    r"(?:possibl[ey]|probabl[ey]|likely|presum\w+|perhaps|maybe|suspect(?:ed)?"
    r"|questionable|equivocal|borderline)"
)

# A clause ends here, and with it what a cue governs.
EXCEPT = (
    r"\bexcept\b|\baside from\b|\bapart from\b|\bother than\b|\bsave for\b"
    r"|\bexception of\b|\bbut for\b"
)
BREAKS = rf"""
    ;|:|\ [-–—]+\ |\bbut\b|\bhowever\b|\b(?:al)?though\b|{EXCEPT}
    |\bbesides\b|\bwhile\b|\bwhereas\b
    |\bwhich\b|(?<!not )\byet\b|\bdespite\b|\bin addition\b|\bnow with\b
    |(?<!that )(?<!believe )(?<!think )(?<!suspect )(?<!whether )(?<!if )
    \bthere (?:is|are|was|were|has|have|may)\b
    |(?<!\bof )(?<!\bin )(?<!\bof the )(?<!\bin the )
    (?<!enlarged )(?<!dilated )(?<!normal )(?:\bthe\ )?
    \b(?:heart|lungs|cardio-?mediastinal|mediastinum|cardiac|mediastinal|bones
    |osseous|pulmonary vascul\w+|visuali[sz]ed)
    (?:\ \w+){{0,3}}?\ (?:is|are|appears?|remains?)\b(?! (?:\w+ly )?{SEEN})
"""

VERBS = (
    r"is|are|was|were|has|have|appears?|remains?|persists?|shows?|demonstrates?"
    r"|seems?|looks?"
)
# What stands between an organ and its state, beside a verb.
MODALS = (
    rf"(?:{_MAY}|cannot)(?: (?:possibly|potentially|perhaps|probably))?{_ADVERBS}"
    rf"(?: not)?{_ADVERBS} (?:be|have|appear)"
)

# Words by which, after a comma or an "and", a new assertion begins.
DEGREES = r"mild(?:ly)?|moderate(?:ly)?|minimal(?:ly)?|small|tiny|trace|severe"
ASSERTS = rf"""
    there|this|these|it|heart|lungs?|the|{DEGREES}|stable|unchanged|persistent
    |persisting|old|chronic|healed|remote|left|right|bilateral|bibasilar|marked(?:ly)?
    |improv\w+|worsening|increas\w+|decreas\w+|again|status|scattered
    |patchy|streaky|normal|clear|grossly|with|s/p
    |prominent|enlarged|calcified|multiple|several|low|borderline|possibl[ey]
    |probabl[ey]|likely|interval|degenerative|otherwise|a|an|definite(?:ly)?|obvious
    |certain(?:ly)?|unequivocal|suggesting|indicating|representing|reflecting
    |just|only|merely|no|without
"""

# === Short forms ===

_NONE = (
    rf"(?:none(?: {SEEN})?|no(?: evidence| signs?)?|absent|nil|neg(?:ative)?|unlikely"
    rf"|zero|0(?!\.\d)"
    rf"|excluded|not (?:{SEEN}|on this \w+))"
)
_PERHAPS = r"(?:possibl[ey]|probabl[ey]|suspected|maybe|perhaps|equivocal|questionable)"
_ANSWER = r"(?:(?: ?[:=([]| ?\?(?: ?-)?| -{1,2}>?| ?(?:--|[–—→]))\s{0,3}|, )"
_BARE = r"(?:(?:pleural|airspace|focal|acute|rib) )?\w{3,20}"
_ENDS = r"[)\]]?(?=\s*(?:$|[.,;!]))"
# A line that begins so is a new sentence: "- effusion", "Effusion: …", "Effusion? …".
_LINE = r"\s{0,9}(?:[-*•] |(?-i:[A-Z])[\w /]{0,40}(?:[:=?]| [-–—] ))"
# What a report writes short, and the words it stands for. One pass each, in order,
# before the text is cut into sentences.
SHORT = (
    (rf"\n(?={_LINE})", ".\n"),
    (r"[’`]", "'"),
    (r"\bcan't\b", "cannot"),
    (r"(?<=[a-z])n't\b", " not"),
    # "The effusion is seen, the nodule is not."
    (
        rf"((?:is|are|was|were) {SEEN}\b[^.?!]{{0,60}} (?:is|are|was|were) not)"
        r"(?=\s*(?:$|[.,;]))",
        r"\1 seen",
    ),
    (r"-(versus|vs|or)-", r" \1 "),
    (r"\b(\w+ly), if (?:at all|anything),", r"possibly \1"),
    (r"\brather ((?:[\w-]+ ){1,5}?)than\b", r"\1rather than"),
    # One answer to a list of bare names: "Edema, effusion: none".
    (
        rf"(?:^|(?<=\n)|(?<=[.;]\s))((?:{_BARE}, ){{1,6}}(?:and |or )?{_BARE})"
        rf"{_ANSWER}{_NONE}{_ENDS}",
        r"no \1",
    ),
    (rf"(?<=\w){_ANSWER}{_NONE}{_ENDS}", " is absent"),
    (rf"(?<=\w){_ANSWER}{_PERHAPS}{_ENDS}", " is possible"),
    (rf"(?<=\w){_ANSWER}(?:yes|pos(?:itive)?){_ENDS}", " is present"),
    (r"(?<=\w) ?[(\[] ?[-–−] ?[)\]]", " is absent"),
    (r"(?<=\w) ?[(\[] ?\? ?[)\]]", " is possible"),
    (r"(?<=\w):? [-–−](?=\s*(?:$|[.,]))", " is absent"),
    (r"(?<=\w) [-–—] (?=(?:normal|clear|intact|unremarkable|enlarged)\b)", " is "),
    (r"(?<=\w)-free\b", " is absent,"),
    (r"(?<=\w) (?:neg|nil)(?=\s*(?:$|[.,;]))", " is absent"),
    (r"(?:ø|∅|[(\[] ?[-–−] ?[)\]]) ?(?=\w)", "no "),
    (r"(?:(?<=\s)|^)\? ?(?=[a-z])", "possible "),
    (r"(?<!\?)\?+(?=[\s.!]|$)", " ?."),
)
