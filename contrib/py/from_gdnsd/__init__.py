"""From a gdnsd configuration to ours; contrib/from-gdnsd is the program.

    vscf.py       text -> hashes, arrays and strings that know their file and line
    report.py     what is told of what cannot be said
    checks.py     service_types -> checks, and the scripts that they need
    resources.py  plugins -> pools: tiers, needs, weights
    metafo.py     the plugin that is made of others
    options.py    options -> node and limits
    zones.py      zone files -> zone files without DYNA and DYNC, and the list of these
    lua.py        all of it as text for gemel.lua
    convert.py    the whole way
"""
