"""The names that the documentation of the OpenVDS Python API lists, in its order."""

import re

_CLASS = re.compile(r"class openvds\.(\w+)")
_NESTED = re.compile(r"class (\w+)$")
_FUNCTION = re.compile(r"openvds\.(\w+)\(")
_METHOD = re.compile(r"(?:static )?(\w+)\(.*\)")
_PROPERTY = re.compile(r"property (\w+)$")
_MEMBER = re.compile(r"(\w+) :(?: <.*)?$")
_ALIAS = re.compile(r"alias of (\w+)$")


def seed_names(text):
    """Return dotted names: functions, classes, methods, properties, and members of enumerations."""
    names, owner, nested, in_members, before = [], None, None, False, ""
    for line in text.splitlines():
        if match := _FUNCTION.match(line):
            owner = nested = None
            names.append(match[1])
        elif match := _CLASS.match(line):
            owner, nested = match[1], None
            names.append(owner)
        elif owner and (match := _NESTED.match(line)):
            nested = match[1]
            names.append(f"{owner}.{nested}")
        elif line == "Members:":
            in_members = nested is not None
        elif owner and (match := _PROPERTY.match(line)):
            names.append(".".join(filter(None, (owner, nested, match[1]))))
            nested, in_members = None, False  # "name" is the last line of an enumeration
        elif in_members and (match := _MEMBER.match(line)):
            names.append(f"{owner}.{nested}.{match[1]}")
        elif owner and (match := _METHOD.match(line)):
            names.append(f"{owner}.{match[1]}")
        elif owner and _ALIAS.match(line):
            names.append(f"{owner}.{before}")
        if line.strip():
            before = line.strip()
    return list(dict.fromkeys(names))
