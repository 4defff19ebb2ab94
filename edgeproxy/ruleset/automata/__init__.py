"""Regular languages for the rule checker. Pure.

    language  Language, NOTHING, EVERYTHING, EMPTY_TEXT, text, texts, union, concatenation,
              outside, first_outside, words_outside
    regex     regex(source): RE2's syntax, matched from end to end
    paths     NORMAL_PATHS, path_language(template), captured(template, paths) -> Captures…,
              image(target, captures) -> Image
    filters   image_under(filters, language, slashes=…), fixed_points(filter)
    errors    Unsupported, and TooLarge, which is one

Why this is own code: of 200 expressions such as `/simple/[^/]+/` and `/packages/[0-9a-f]{2}/…{60}/[^/]+`, CPU time to
build them, to find 199 pairs disjoint, and to find each to meet `/.*`:

                    build    pairs     /.*
    interegular     0.69 s   343 ms   146 ms
    greenery       10.9 s   1004 ms  2131 ms
    automata-lib    9.4 s      3 ms    39 ms   (over an alphabet of 41 characters, written out)
    this package    0.11 s   0.7 ms     8 ms

None of the three came to an end with a witness for each difference from `/[^/]+/[^/]+/` within the 150 s that each
was given in all; here it takes 46 ms. A state is a dictionary of the characters it names and a default for all others,
so that literals and negated classes are small and the alphabet stays open.
"""
