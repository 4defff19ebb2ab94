"""Answers of two backends compared, and what the differences say.

ignores = Ignores.of(shadow.ignore)                 # once for each rule
old = answer_of(status, fields, content)            # decodes the content, within bounds
differences = noise.without_noise(compare(shadow.compare, old, new, ignores))
noise.learn(compare(shadow.compare, old, old_again, ignores))
groups.add(Key(rule, shape_of(path, template), family_of(user_agent)), differences, example, now)
"""
