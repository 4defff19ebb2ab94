"""Regular languages for the rule checker. Pure.

language  Language, NOTHING, EVERYTHING, EMPTY_TEXT, text, texts, union, concatenation,
          outside, first_outside, words_outside
regex     regex(source): RE2's syntax, matched from end to end
paths     NORMAL_PATHS, path_language(template), captured(template, paths) -> Captures…,
              image(target, captures) -> Image
filters   image_under(filters, language, slashes=…), fixed_points(filter)
errors    Unsupported, and TooLarge, which is one
"""
