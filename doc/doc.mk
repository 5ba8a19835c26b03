EXTRA_DIST += doc/HACKING doc/design/processes.md doc/design/answers.md
