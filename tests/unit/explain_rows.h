/* Rows of explain_test.c: a configuration, what happened, and every sentence that counts. */
	{ "one up", W S A1 "\n",
	  "3000",
	  "www.example.test is a service of 1 member in 1 tier (test.lua:1)\n"
	  "A: tier 1 answers: it has 1 member up and needs 1\n"
	  "A: the answer is 127.0.0.11, whoever asks\n"
	  "A: TTL 10 s, the least allowed: 127.0.0.11 may change in 3.0s\n"
	  "member 127.0.0.11 (tier 1) is up: ns1 votes up (ok)\n" },
	{ "two up", W S A1 " " A2 "\n",
	  "3000",
	  "A: tier 1 answers: it has 2 members up and needs 1\n"
	  "A: the answer is 127.0.0.11, 127.0.0.12\n"
	  "A: they lead in turn (pick = \"rotate\")\n"
	  "A: TTL 10 s, the least allowed: 127.0.0.11 may change in 3.0s\n"
	  "member 127.0.0.11 (tier 1) is up: ns1 votes up (ok)\n"
	  "member 127.0.0.12 (tier 1) is up: ns1 votes up (ok)\n" },
	{ "one of two down", W S A1 " " A2 "\n",
	  "127.0.0.11 refused; 5000",
	  "A: tier 1 answers: it has 1 member up and needs 1\n"
	  "A: the answer is 127.0.0.12, whoever asks\n"
	  "A: TTL 10 s, the least allowed: 127.0.0.11 may change in 2.0s\n"
	  "member 127.0.0.11 (tier 1) is down: ns1 votes down (connect refused)\n"
	  "member 127.0.0.12 (tier 1) is up: ns1 votes up (ok)\n" },
	{ "on the way down", "check web interval=1000 timeout=500 fall=9 rise=2\n" S A1 " " A2 "\n",
	  "3000; 127.0.0.11 refused; 2000",
	  "A: the answer is 127.0.0.11, 127.0.0.12\n"
	  "member 127.0.0.11 (tier 1) is up: ns1 still votes up (connect refused)\n" },
	{ "on the way up", "check web interval=1000 timeout=500 fall=3 rise=9\n" S A1 " " A2 "\n",
	  "127.0.0.11 refused; 5000; 127.0.0.11 ok; 2000",
	  "A: the answer is 127.0.0.12, whoever asks\n"
	  "member 127.0.0.11 (tier 1) is down: ns1 still votes down (ok)\n" },
	{ "second tier takes over", W S A1 " / " A2 "\n",
	  "127.0.0.11 refused; 5000",
	  "A: tier 2 answers: tier 1 has 0 of 1 members up that it needs\n"
	  "A: tier 2 has 1 member up and needs 1\n"
	  "A: the answer is 127.0.0.12, whoever asks\n"
	  "A: TTL 10 s, the least allowed: 127.0.0.11 may change in 2.0s\n"
	  "member 127.0.0.11 (tier 1) is down: ns1 votes down (connect refused)\n"
	  "member 127.0.0.12 (tier 2) is up: ns1 votes up (ok)\n" },
	{ "third tier takes over", W S A1 " / " A2 " / " A3 "\n",
	  "127.0.0.11 refused; 127.0.0.12 hangs; 5000",
	  "A: tier 3 answers: tier 1 has 0 of 1 members up that it needs, tier 2 has 0 of 1 members up that it needs\n"
	  "A: tier 3 has 1 member up and needs 1\n"
	  "A: the answer is 127.0.0.13, whoever asks\n"
	  "A: TTL 10 s, the least allowed: 127.0.0.11 may change in 2.0s\n"
	  "member 127.0.0.11 (tier 1) is down: ns1 votes down (connect refused)\n"
	  "member 127.0.0.12 (tier 2) is down: ns1 votes down (connect timeout)\n"
	  "member 127.0.0.13 (tier 3) is up: ns1 votes up (ok)\n" },
	{ "a tier without this family is passed", W S "::1 / " A2 "\n",
	  "3000",
	  "A: tier 2 answers: tier 1 has no A member\n"
	  "A: tier 2 has 1 member up and needs 1\n"
	  "A: the answer is 127.0.0.12, whoever asks\n"
	  "A: TTL 10 s, the least allowed: 127.0.0.12 may change in 3.0s\n"
	  "AAAA: tier 1 answers: it has 1 member up and needs 1\n"
	  "AAAA: the answer is ::1, whoever asks\n"
	  "AAAA: TTL 10 s, the least allowed: ::1 may change in 3.0s\n"
	  "member ::1 (tier 1) is up: ns1 votes up (ok)\n"
	  "member 127.0.0.12 (tier 2) is up: ns1 votes up (ok)\n" },
	{ "need 2, has 1", W S A1 " " A2 " / " A3 " 127.0.0.14 need=2\n",
	  "127.0.0.11 refused; 5000",
	  "A: tier 2 answers: tier 1 has 1 of 2 members up that it needs\n"
	  "A: tier 2 has 2 members up and needs 2\n"
	  "A: the answer is 127.0.0.13, 127.0.0.14\n"
	  "A: they lead in turn (pick = \"rotate\")\n"
	  "A: TTL 10 s, the least allowed: 127.0.0.11 may change in 2.0s\n"
	  "member 127.0.0.11 (tier 1) is down: ns1 votes down (connect refused)\n"
	  "member 127.0.0.12 (tier 1) is up: ns1 votes up (ok)\n"
	  "member 127.0.0.13 (tier 2) is up: ns1 votes up (ok)\n"
	  "member 127.0.0.14 (tier 2) is up: ns1 votes up (ok)\n" },
	{ "need 2, has 2", W S A1 " " A2 " / " A3 " need=2\n",
	  "3000",
	  "A: tier 1 answers: it has 2 members up and needs 2\n"
	  "A: the answer is 127.0.0.11, 127.0.0.12\n"
	  "A: they lead in turn (pick = \"rotate\")\n"
	  "A: TTL 10 s, the least allowed: 127.0.0.11 may change in 3.0s\n"
	  "member 127.0.0.11 (tier 1) is up: ns1 votes up (ok)\n"
	  "member 127.0.0.12 (tier 1) is up: ns1 votes up (ok)\n"
	  "member 127.0.0.13 (tier 2) is up: ns1 votes up (ok)\n" },
	{ "need in percent, too few", W S A1 " " A2 " " A3 " / 127.0.0.14 need=50%\n",
	  "127.0.0.11 refused; 127.0.0.12 refused; 5000",
	  "a tier needs 50% of its members up, drained ones not counted, and never less than one\n"
	  "A: tier 2 answers: tier 1 has 1 of 2 members up that it needs (50% of 3)\n"
	  "A: tier 2 has 1 member up and needs 1\n"
	  "A: the answer is 127.0.0.14, whoever asks\n"
	  "A: TTL 10 s, the least allowed: 127.0.0.11 may change in 2.0s\n"
	  "member 127.0.0.11 (tier 1) is down: ns1 votes down (connect refused)\n"
	  "member 127.0.0.12 (tier 1) is down: ns1 votes down (connect refused)\n"
	  "member 127.0.0.13 (tier 1) is up: ns1 votes up (ok)\n"
	  "member 127.0.0.14 (tier 2) is up: ns1 votes up (ok)\n" },
	{ "need in percent, enough", W S A1 " " A2 " / " A3 " need=50%\n",
	  "127.0.0.11 refused; 5000",
	  "a tier needs 50% of its members up, drained ones not counted, and never less than one\n"
	  "A: tier 1 answers: it has 1 member up and needs 1\n"
	  "A: the answer is 127.0.0.12, whoever asks\n"
	  "A: TTL 10 s, the least allowed: 127.0.0.11 may change in 2.0s\n"
	  "member 127.0.0.11 (tier 1) is down: ns1 votes down (connect refused)\n"
	  "member 127.0.0.12 (tier 1) is up: ns1 votes up (ok)\n"
	  "member 127.0.0.13 (tier 2) is up: ns1 votes up (ok)\n" },
	{ "need in percent of those not drained", W S A1 " " A2 "! / " A3 " need=100%\n",
	  "127.0.0.11 refused; 5000",
	  "a tier needs 100% of its members up, drained ones not counted, and never less than one\n"
	  "A: tier 2 answers: tier 1 has 0 of 1 members up that it needs (100% of 1)\n"
	  "A: tier 2 has 1 member up and needs 1\n"
	  "A: the answer is 127.0.0.13, whoever asks\n"
	  "A: TTL 10 s, the least allowed: 127.0.0.11 may change in 2.0s\n"
	  "member 127.0.0.11 (tier 1) is down: ns1 votes down (connect refused)\n"
	  "member 127.0.0.12 (tier 1) is up: ns1 votes up (ok)\n"
	  "member 127.0.0.12 is drained in the configuration: it is taken out of every answer, and is not counted\n"
	  "member 127.0.0.13 (tier 2) is up: ns1 votes up (ok)\n" },
	{ "percent of nobody is one", W S A1 "! / " A3 " need=100%\n",
	  "3000",
	  "a tier needs 100% of its members up, drained ones not counted, and never less than one\n"
	  "A: tier 2 answers: tier 1 has 0 of 1 members up that it needs (100% of 0)\n"
	  "A: tier 2 has 1 member up and needs 1\n"
	  "A: the answer is 127.0.0.13, whoever asks\n"
	  "A: TTL 10 s, the least allowed: 127.0.0.13 may change in 3.0s\n"
	  "member 127.0.0.11 (tier 1) is up: ns1 votes up (ok)\n"
	  "member 127.0.0.11 is drained in the configuration: it is taken out of every answer, and is not counted\n"
	  "member 127.0.0.13 (tier 2) is up: ns1 votes up (ok)\n" },
	{ "IPv6 only", W S "::1\n",
	  "3000",
	  "A: no address is given (NODATA): the service has no A member\n"
	  "AAAA: tier 1 answers: it has 1 member up and needs 1\n"
	  "AAAA: the answer is ::1, whoever asks\n"
	  "AAAA: TTL 10 s, the least allowed: ::1 may change in 3.0s\n"
	  "member ::1 (tier 1) is up: ns1 votes up (ok)\n" },
	{ "dead AAAA beside a live A", W S A1 " ::1\n",
	  "::1 refused; 5000",
	  "A: tier 1 answers: it has 1 member up and needs 1\n"
	  "A: the answer is 127.0.0.11, whoever asks\n"
	  "A: TTL 10 s, the least allowed: 127.0.0.11 may change in 3.0s\n"
	  "AAAA: no address is given (NODATA), beside A that lives: tier 1 has 0 of 1 members up that it needs\n"
	  "AAAA: TTL 10 s, the least allowed: ::1 may change in 2.0s\n"
	  "member 127.0.0.11 (tier 1) is up: ns1 votes up (ok)\n"
	  "member ::1 (tier 1) is down: ns1 votes down (connect refused)\n" },
	{ "dead A beside a live AAAA", W S A1 " ::1\n",
	  "127.0.0.11 refused; 5000",
	  "A: no address is given (NODATA), beside AAAA that lives: tier 1 has 0 of 1 members up that it needs\n"
	  "A: TTL 10 s, the least allowed: 127.0.0.11 may change in 2.0s\n"
	  "AAAA: tier 1 answers: it has 1 member up and needs 1\n"
	  "AAAA: the answer is ::1, whoever asks\n"
	  "AAAA: TTL 10 s, the least allowed: ::1 may change in 3.0s\n"
	  "member 127.0.0.11 (tier 1) is down: ns1 votes down (connect refused)\n"
	  "member ::1 (tier 1) is up: ns1 votes up (ok)\n" },
	{ "dead AAAA in two tiers", W S A1 " ::1 / ::2\n",
	  "::1 refused; ::2 refused; 5000",
	  "A: tier 1 answers: it has 1 member up and needs 1\n"
	  "A: the answer is 127.0.0.11, whoever asks\n"
	  "A: TTL 10 s, the least allowed: 127.0.0.11 may change in 3.0s\n"
	  "AAAA: no address is given (NODATA), beside A that lives: tier 1 has 0 of 1 members up that it needs, tier 2 has 0 of 1 members up that it needs\n"
	  "AAAA: TTL 10 s, the least allowed: ::1 may change in 2.0s\n"
	  "member 127.0.0.11 (tier 1) is up: ns1 votes up (ok)\n"
	  "member ::1 (tier 1) is down: ns1 votes down (connect refused)\n"
	  "member ::2 (tier 2) is down: ns1 votes down (connect refused)\n" },
	{ "families in tiers of their own", W S A1 " ::1 / " A2 " ::2\n",
	  "127.0.0.11 refused; 5000",
	  "A: tier 2 answers: tier 1 has 0 of 1 members up that it needs\n"
	  "A: tier 2 has 1 member up and needs 1\n"
	  "A: the answer is 127.0.0.12, whoever asks\n"
	  "A: TTL 10 s, the least allowed: 127.0.0.11 may change in 2.0s\n"
	  "AAAA: tier 1 answers: it has 1 member up and needs 1\n"
	  "AAAA: the answer is ::1, whoever asks\n"
	  "AAAA: TTL 10 s, the least allowed: ::1 may change in 3.0s\n"
	  "member 127.0.0.11 (tier 1) is down: ns1 votes down (connect refused)\n"
	  "member ::1 (tier 1) is up: ns1 votes up (ok)\n"
	  "member 127.0.0.12 (tier 2) is up: ns1 votes up (ok)\n"
	  "member ::2 (tier 2) is up: ns1 votes up (ok)\n" },
	{ "couple, both live", W S A1 " ::1 / " A2 " ::2 couple=1\n",
	  "3000",
	  "A and AAAA come from one tier (couple): the first that has enough of both\n"
	  "A: tier 1 answers: it has 1 member up and needs 1\n"
	  "A: the answer is 127.0.0.11, whoever asks\n"
	  "A: TTL 10 s, the least allowed: 127.0.0.11 may change in 3.0s\n"
	  "AAAA: tier 1 answers: it has 1 member up and needs 1\n"
	  "AAAA: the answer is ::1, whoever asks\n"
	  "AAAA: TTL 10 s, the least allowed: 127.0.0.11 may change in 3.0s\n"
	  "member 127.0.0.11 (tier 1) is up: ns1 votes up (ok)\n"
	  "member ::1 (tier 1) is up: ns1 votes up (ok)\n"
	  "member 127.0.0.12 (tier 2) is up: ns1 votes up (ok)\n"
	  "member ::2 (tier 2) is up: ns1 votes up (ok)\n" },
	{ "couple, AAAA of the first tier dead", W S A1 " ::1 / " A2 " ::2 couple=1\n",
	  "::1 refused; 5000",
	  "A and AAAA come from one tier (couple): the first that has enough of both\n"
	  "A: tier 2 answers: tier 1 has 0 of 1 AAAA members up that it needs\n"
	  "A: tier 2 has 1 member up and needs 1\n"
	  "A: the answer is 127.0.0.12, whoever asks\n"
	  "A: TTL 10 s, the least allowed: ::1 may change in 2.0s\n"
	  "AAAA: tier 2 answers: tier 1 has 0 of 1 AAAA members up that it needs\n"
	  "AAAA: tier 2 has 1 member up and needs 1\n"
	  "AAAA: the answer is ::2, whoever asks\n"
	  "AAAA: TTL 10 s, the least allowed: ::1 may change in 2.0s\n"
	  "member 127.0.0.11 (tier 1) is up: ns1 votes up (ok)\n"
	  "member ::1 (tier 1) is down: ns1 votes down (connect refused)\n"
	  "member 127.0.0.12 (tier 2) is up: ns1 votes up (ok)\n"
	  "member ::2 (tier 2) is up: ns1 votes up (ok)\n" },
	{ "couple, both of the first tier dead", W S A1 " ::1 / " A2 " ::2 couple=1\n",
	  "127.0.0.11 refused; ::1 refused; 5000",
	  "A and AAAA come from one tier (couple): the first that has enough of both\n"
	  "A: tier 2 answers: tier 1 has 0 of 1 A members up that it needs and 0 of 1 AAAA members up that it needs\n"
	  "A: tier 2 has 1 member up and needs 1\n"
	  "A: the answer is 127.0.0.12, whoever asks\n"
	  "A: TTL 10 s, the least allowed: 127.0.0.11 may change in 2.0s\n"
	  "AAAA: tier 2 answers: tier 1 has 0 of 1 A members up that it needs and 0 of 1 AAAA members up that it needs\n"
	  "AAAA: tier 2 has 1 member up and needs 1\n"
	  "AAAA: the answer is ::2, whoever asks\n"
	  "AAAA: TTL 10 s, the least allowed: 127.0.0.11 may change in 2.0s\n"
	  "member 127.0.0.11 (tier 1) is down: ns1 votes down (connect refused)\n"
	  "member ::1 (tier 1) is down: ns1 votes down (connect refused)\n"
	  "member 127.0.0.12 (tier 2) is up: ns1 votes up (ok)\n"
	  "member ::2 (tier 2) is up: ns1 votes up (ok)\n" },
	{ "couple, no tier has both", W S A1 " ::1 / " A2 " ::2 couple=1\n",
	  "::1 refused; ::2 refused; 5000",
	  "A and AAAA come from one tier (couple): the first that has enough of both\n"
	  "A: tier 1 answers: no tier has enough of both A and AAAA, and it is the first that has enough of one\n"
	  "A: tier 1 has 1 member up and needs 1\n"
	  "A: the answer is 127.0.0.11, whoever asks\n"
	  "A: TTL 10 s, the least allowed: ::1 may change in 2.0s\n"
	  "AAAA: no address is given (NODATA), beside A that lives: tier 1 answers for both (couple) and has 0 of 1 AAAA members up that it needs\n"
	  "AAAA: TTL 10 s, the least allowed: ::1 may change in 2.0s\n"
	  "member 127.0.0.11 (tier 1) is up: ns1 votes up (ok)\n"
	  "member ::1 (tier 1) is down: ns1 votes down (connect refused)\n"
	  "member 127.0.0.12 (tier 2) is up: ns1 votes up (ok)\n"
	  "member ::2 (tier 2) is down: ns1 votes down (connect refused)\n" },
	{ "couple, the tier has no AAAA", W S A1 " / " A2 " ::2 couple=1\n",
	  "3000",
	  "A and AAAA come from one tier (couple): the first that has enough of both\n"
	  "A: tier 1 answers: it has 1 member up and needs 1\n"
	  "A: the answer is 127.0.0.11, whoever asks\n"
	  "A: TTL 10 s, the least allowed: 127.0.0.11 may change in 3.0s\n"
	  "AAAA: no address is given (NODATA), beside A that lives: tier 1 answers for both (couple) and has no AAAA member\n"
	  "AAAA: TTL 10 s, the least allowed: 127.0.0.11 may change in 3.0s\n"
	  "member 127.0.0.11 (tier 1) is up: ns1 votes up (ok)\n"
	  "member 127.0.0.12 (tier 2) is up: ns1 votes up (ok)\n"
	  "member ::2 (tier 2) is up: ns1 votes up (ok)\n" },
	{ "couple, all down", W S A1 " ::1 couple=1\n",
	  "127.0.0.11 refused; ::1 refused; 5000",
	  "A and AAAA come from one tier (couple): the first that has enough of both\n"
	  "A: no tier has enough members up: tier 1 has 0 of 1 A members up that it needs and 0 of 1 AAAA members up that it needs\n"
	  "A: all_down = \"first\" gives the members of tier 1 that are not taken out\n"
	  "A: the answer is 127.0.0.11, whoever asks\n"
	  "A: TTL 10 s, the least allowed: 127.0.0.11 may change in 2.0s\n"
	  "AAAA: no tier has enough members up: tier 1 has 0 of 1 A members up that it needs and 0 of 1 AAAA members up that it needs\n"
	  "AAAA: all_down = \"first\" gives the members of tier 1 that are not taken out\n"
	  "AAAA: the answer is ::1, whoever asks\n"
	  "AAAA: TTL 10 s, the least allowed: 127.0.0.11 may change in 2.0s\n"
	  "member 127.0.0.11 (tier 1) is down: ns1 votes down (connect refused)\n"
	  "member ::1 (tier 1) is down: ns1 votes down (connect refused)\n" },
	{ "all_down first", W S A1 " " A2 " / " A3 "\n",
	  "127.0.0.11 refused; 127.0.0.12 refused; 127.0.0.13 refused; 5000",
	  "A: no tier has enough members up: tier 1 has 0 of 1 members up that it needs, tier 2 has 0 of 1 members up that it needs\n"
	  "A: all_down = \"first\" gives the members of tier 1 that are not taken out\n"
	  "A: the answer is 127.0.0.11, 127.0.0.12\n"
	  "A: they lead in turn (pick = \"rotate\")\n"
	  "A: TTL 10 s, the least allowed: 127.0.0.11 may change in 2.0s\n"
	  "member 127.0.0.11 (tier 1) is down: ns1 votes down (connect refused)\n"
	  "member 127.0.0.12 (tier 1) is down: ns1 votes down (connect refused)\n"
	  "member 127.0.0.13 (tier 2) is down: ns1 votes down (connect refused)\n" },
	{ "all_down first less one out", W S A1 " " A2 "\n",
	  "127.0.0.11 refused; 127.0.0.12 refused; 5000; down 127.0.0.11 force; 1000",
	  "A: no tier has enough members up: tier 1 has 0 of 1 members up that it needs\n"
	  "A: all_down = \"first\" gives the members of tier 1 that are not taken out\n"
	  "A: the answer is 127.0.0.12, whoever asks\n"
	  "A: TTL 10 s, the least allowed: 127.0.0.12 may change in 2.0s\n"
	  "member 127.0.0.11 (tier 1) is down: ns1 votes down (connect refused)\n"
	  "member 127.0.0.11 is taken out of every answer, as one that is down: override \"down 127.0.0.11\" by alice, until auto, because \"because\"\n"
	  "member 127.0.0.12 (tier 1) is down: ns1 votes down (connect refused)\n" },
	{ "all_down first with nobody left", W S A1 "\n",
	  "3000; down 127.0.0.11 force; 1000",
	  "A: no tier has enough members up: tier 1 has 0 of 1 members up that it needs\n"
	  "A: all_down = \"first\" gives no address, since nobody is left (NODATA)\n"
	  "A: TTL 10 s, the least allowed: all_down leaves nothing to answer\n"
	  "member 127.0.0.11 (tier 1) is up: ns1 votes up (ok)\n"
	  "member 127.0.0.11 is taken out of every answer, as one that is down: override \"down 127.0.0.11\" by alice, until auto, because \"because\"\n" },
	{ "all_down all", W S A1 " / " A2 " all_down=all\n",
	  "127.0.0.11 refused; 127.0.0.12 refused; 5000",
	  "A: no tier has enough members up: tier 1 has 0 of 1 members up that it needs, tier 2 has 0 of 1 members up that it needs\n"
	  "A: all_down = \"all\" gives all members that are not taken out\n"
	  "A: the answer is 127.0.0.11, 127.0.0.12\n"
	  "A: they lead in turn (pick = \"rotate\")\n"
	  "A: TTL 10 s, the least allowed: 127.0.0.11 may change in 2.0s\n"
	  "member 127.0.0.11 (tier 1) is down: ns1 votes down (connect refused)\n"
	  "member 127.0.0.12 (tier 2) is down: ns1 votes down (connect refused)\n" },
	{ "all_down last", W S A1 " " A2 " all_down=last\n",
	  "127.0.0.12 refused; 5000; 127.0.0.11 refused; 5000",
	  "A: no tier has enough members up: tier 1 has 0 of 1 members up that it needs\n"
	  "A: all_down = \"last\" gives what answered last, from tier 1, less members taken out\n"
	  "A: the answer is 127.0.0.11, whoever asks\n"
	  "A: TTL 10 s, the least allowed: 127.0.0.11 may change in 2.0s\n"
	  "member 127.0.0.11 (tier 1) is down: ns1 votes down (connect refused)\n"
	  "member 127.0.0.12 (tier 1) is down: ns1 votes down (connect refused)\n" },
	{ "all_down last of the second tier", W S A1 " / " A2 " all_down=last\n",
	  "127.0.0.11 refused; 5000; 127.0.0.12 refused; 5000",
	  "A: no tier has enough members up: tier 1 has 0 of 1 members up that it needs, tier 2 has 0 of 1 members up that it needs\n"
	  "A: all_down = \"last\" gives what answered last, from tier 2, less members taken out\n"
	  "A: the answer is 127.0.0.12, whoever asks\n"
	  "A: TTL 10 s, the least allowed: 127.0.0.11 may change in 2.0s\n"
	  "member 127.0.0.11 (tier 1) is down: ns1 votes down (connect refused)\n"
	  "member 127.0.0.12 (tier 2) is down: ns1 votes down (connect refused)\n" },
	{ "all_down last with nothing left", W S A1 " " A2 " all_down=last\n",
	  "127.0.0.12 refused; 5000; 127.0.0.11 refused; 5000; drain 127.0.0.11 force; 1000",
	  "A: no tier has enough members up: tier 1 has 0 of 1 members up that it needs\n"
	  "A: all_down = \"last\" has nothing left of the last good answer, and gives like \"first\" the members of tier 1 that are not taken out\n"
	  "A: the answer is 127.0.0.12, whoever asks\n"
	  "A: TTL 10 s, the least allowed: 127.0.0.12 may change in 2.0s\n"
	  "member 127.0.0.11 (tier 1) is down: ns1 votes down (connect refused)\n"
	  "member 127.0.0.11 is taken out of every answer, and is not counted: override \"drain 127.0.0.11\" by alice, until auto, because \"because\"\n"
	  "member 127.0.0.12 (tier 1) is down: ns1 votes down (connect refused)\n" },
	{ "all_down last without a last", W S A1 " all_down=last\n",
	  "127.0.0.11 refused; 5000",
	  "A: no tier has enough members up: tier 1 has 0 of 1 members up that it needs\n"
	  "A: all_down = \"last\" has nothing left of the last good answer, and gives like \"first\" the members of tier 1 that are not taken out\n"
	  "A: the answer is 127.0.0.11, whoever asks\n"
	  "A: TTL 10 s, the least allowed: 127.0.0.11 may change in 2.0s\n"
	  "member 127.0.0.11 (tier 1) is down: ns1 votes down (connect refused)\n" },
	{ "all_down none", W S A1 " / " A2 " all_down=none\n",
	  "127.0.0.11 refused; 127.0.0.12 refused; 5000",
	  "A: no tier has enough members up: tier 1 has 0 of 1 members up that it needs, tier 2 has 0 of 1 members up that it needs\n"
	  "A: all_down = \"none\" gives no address (NODATA)\n"
	  "A: TTL 10 s, the least allowed: all_down leaves nothing to answer\n"
	  "member 127.0.0.11 (tier 1) is down: ns1 votes down (connect refused)\n"
	  "member 127.0.0.12 (tier 2) is down: ns1 votes down (connect refused)\n" },
	{ "all_down list", W S A1 " all_down=list fallback=192.0.2.9,192.0.2.10\n",
	  "127.0.0.11 refused; 5000",
	  "A: no tier has enough members up: tier 1 has 0 of 1 members up that it needs\n"
	  "A: all_down = \"list\" gives the addresses listed for this, less those taken out\n"
	  "A: the answer is 192.0.2.9, 192.0.2.10\n"
	  "A: they lead in turn (pick = \"rotate\")\n"
	  "A: TTL 10 s, the least allowed: 127.0.0.11 may change in 2.0s\n"
	  "member 127.0.0.11 (tier 1) is down: ns1 votes down (connect refused)\n" },
	{ "all_down list without this family", W S A1 " all_down=list fallback=2001:db8::9\n",
	  "127.0.0.11 refused; 5000",
	  "A: no tier has enough members up: tier 1 has 0 of 1 members up that it needs\n"
	  "A: all_down = \"list\" gives the addresses listed for this, less those taken out: nobody is left (NODATA)\n"
	  "A: TTL 10 s, the least allowed: all_down leaves nothing to answer\n"
	  "member 127.0.0.11 (tier 1) is down: ns1 votes down (connect refused)\n" },
	{ "all_down calls for both families", W S A1 " ::1 all_down=all\n",
	  "127.0.0.11 refused; ::1 refused; 5000",
	  "A: no tier has enough members up: tier 1 has 0 of 1 members up that it needs\n"
	  "A: all_down = \"all\" gives all members that are not taken out\n"
	  "A: the answer is 127.0.0.11, whoever asks\n"
	  "A: TTL 10 s, the least allowed: 127.0.0.11 may change in 2.0s\n"
	  "AAAA: no tier has enough members up: tier 1 has 0 of 1 members up that it needs\n"
	  "AAAA: all_down = \"all\" gives all members that are not taken out\n"
	  "AAAA: the answer is ::1, whoever asks\n"
	  "AAAA: TTL 10 s, the least allowed: 127.0.0.11 may change in 2.0s\n"
	  "member 127.0.0.11 (tier 1) is down: ns1 votes down (connect refused)\n"
	  "member ::1 (tier 1) is down: ns1 votes down (connect refused)\n" },
	{ "too few up is all_down too", W S A1 " " A2 " need=2\n",
	  "127.0.0.11 refused; 5000",
	  "A: no tier has enough members up: tier 1 has 1 of 2 members up that it needs\n"
	  "A: all_down = \"first\" gives the members of tier 1 that are not taken out\n"
	  "A: the answer is 127.0.0.11, 127.0.0.12\n"
	  "A: they lead in turn (pick = \"rotate\")\n"
	  "A: TTL 10 s, the least allowed: 127.0.0.11 may change in 2.0s\n"
	  "member 127.0.0.11 (tier 1) is down: ns1 votes down (connect refused)\n"
	  "member 127.0.0.12 (tier 1) is up: ns1 votes up (ok)\n" },
	{ "forced down", W S A1 " " A2 "\n",
	  "3000; down 127.0.0.11; 1000",
	  "A: tier 1 answers: it has 1 member up and needs 1\n"
	  "A: the answer is 127.0.0.12, whoever asks\n"
	  "A: TTL 10 s, the least allowed: 127.0.0.12 may change in 3.0s\n"
	  "member 127.0.0.11 (tier 1) is up: ns1 votes up (ok)\n"
	  "member 127.0.0.11 is taken out of every answer, as one that is down: override \"down 127.0.0.11\" by alice, until auto, because \"because\"\n"
	  "member 127.0.0.12 (tier 1) is up: ns1 votes up (ok)\n" },
	{ "forced down for a time", W S A1 " " A2 "\n",
	  "3000; down 127.0.0.11 for=60000; 1000",
	  "A: tier 1 answers: it has 1 member up and needs 1\n"
	  "A: the answer is 127.0.0.12, whoever asks\n"
	  "A: TTL 10 s, the least allowed: 127.0.0.12 may change in 3.0s\n"
	  "member 127.0.0.11 (tier 1) is up: ns1 votes up (ok)\n"
	  "member 127.0.0.11 is taken out of every answer, as one that is down: override \"down 127.0.0.11\" by alice, until 2023-11-14T22:31:03.000Z, because \"because\"\n"
	  "member 127.0.0.12 (tier 1) is up: ns1 votes up (ok)\n" },
	{ "an override that is over", W S A1 " " A2 "\n",
	  "3000; down 127.0.0.11 for=1000; 3000",
	  "A: tier 1 answers: it has 2 members up and needs 1\n"
	  "A: the answer is 127.0.0.11, 127.0.0.12\n"
	  "A: they lead in turn (pick = \"rotate\")\n"
	  "A: TTL 10 s, the least allowed: 127.0.0.11 may change in 3.0s\n"
	  "member 127.0.0.11 (tier 1) is up: ns1 votes up (ok)\n"
	  "member 127.0.0.12 (tier 1) is up: ns1 votes up (ok)\n" },
	{ "forced up", W S A1 " / " A2 "\n",
	  "127.0.0.11 refused; 5000; up 127.0.0.11; 1000",
	  "A: tier 1 answers: it has 1 member up and needs 1\n"
	  "A: the answer is 127.0.0.11, whoever asks\n"
	  "A: TTL 60 s, the most allowed: no check changes this answer by itself\n"
	  "member 127.0.0.11 (tier 1) is down: ns1 votes down (connect refused)\n"
	  "member 127.0.0.11 counts as up, whatever its checks say: override \"up 127.0.0.11\" by alice, until auto, because \"because\"\n"
	  "member 127.0.0.12 (tier 2) is up: ns1 votes up (ok)\n" },
	{ "drained by an operator", W S A1 " " A2 "\n",
	  "3000; drain 127.0.0.11; 1000",
	  "A: tier 1 answers: it has 1 member up and needs 1\n"
	  "A: the answer is 127.0.0.12, whoever asks\n"
	  "A: TTL 10 s, the least allowed: 127.0.0.12 may change in 3.0s\n"
	  "member 127.0.0.11 (tier 1) is up: ns1 votes up (ok)\n"
	  "member 127.0.0.11 is taken out of every answer, and is not counted: override \"drain 127.0.0.11\" by alice, until auto, because \"because\"\n"
	  "member 127.0.0.12 (tier 1) is up: ns1 votes up (ok)\n" },
	{ "a site taken down", W S A1 "@ams1%ams " A2 "@ams2%ams / " A3 "\n",
	  "3000; down site:ams; 1000",
	  "A: tier 2 answers: tier 1 has 0 of 1 members up that it needs\n"
	  "A: the answer is 127.0.0.13, whoever asks\n"
	  "member 127.0.0.11 (tier 1, host ams1) is up: ns1 votes up (ok)\n"
	  "member 127.0.0.11 is taken out of every answer, as one that is down: override \"down site:ams\" by alice, until auto, because \"because\"\n"
	  "member 127.0.0.12 is taken out of every answer, as one that is down: override \"down site:ams\" by alice, until auto, because \"because\"\n" },
	{ "a host drained", W S A1 "@ams1%ams " A2 "@ams2%ams\n",
	  "3000; drain ams1; 1000",
	  "A: the answer is 127.0.0.12, whoever asks\n"
	  "member 127.0.0.11 is taken out of every answer, and is not counted: override \"drain ams1\" by alice, until auto, because \"because\"\n" },
	{ "a glob taken down by force", W S A1 " " A2 "\n",
	  "3000; down www.* force; 1000",
	  "A: all_down = \"first\" gives no address, since nobody is left (NODATA)\n"
	  "member 127.0.0.11 is taken out of every answer, as one that is down: override \"down www.*\" by alice, until auto, because \"because\"\n" },
	{ "a member of a service, over its host", W S A1 "@ams1 " A2 "\n",
	  "3000; down ams1; 1000; up www.example.test/127.0.0.11; 1000",
	  "A: the answer is 127.0.0.11, 127.0.0.12\n"
	  "member 127.0.0.11 counts as up, whatever its checks say: override \"up www.example.test/127.0.0.11\" by alice, until auto, because \"because\"\n" },
	{ "drained in the configuration", W S A1 "! " A2 "\n",
	  "3000",
	  "A: tier 1 answers: it has 1 member up and needs 1\n"
	  "A: the answer is 127.0.0.12, whoever asks\n"
	  "A: TTL 10 s, the least allowed: 127.0.0.12 may change in 3.0s\n"
	  "member 127.0.0.11 (tier 1) is up: ns1 votes up (ok)\n"
	  "member 127.0.0.11 is drained in the configuration: it is taken out of every answer, and is not counted\n"
	  "member 127.0.0.12 (tier 1) is up: ns1 votes up (ok)\n" },
	{ "drained in the configuration and forced up", W S A1 "! " A2 "\n",
	  "3000; up 127.0.0.11; 1000",
	  "A: tier 1 answers: it has 2 members up and needs 1\n"
	  "A: the answer is 127.0.0.11, 127.0.0.12\n"
	  "A: they lead in turn (pick = \"rotate\")\n"
	  "A: TTL 10 s, the least allowed: 127.0.0.12 may change in 3.0s\n"
	  "member 127.0.0.11 (tier 1) is up: ns1 votes up (ok)\n"
	  "member 127.0.0.11 is drained in the configuration, which the override sets aside\n"
	  "member 127.0.0.11 counts as up, whatever its checks say: override \"up 127.0.0.11\" by alice, until auto, because \"because\"\n"
	  "member 127.0.0.12 (tier 1) is up: ns1 votes up (ok)\n" },
	{ "a whole service forced down", W S A1 " " A2 "\n",
	  "3000; down www.example.test force; 1000",
	  "A: no tier has enough members up: tier 1 has 0 of 1 members up that it needs\n"
	  "A: all_down = \"first\" gives no address, since nobody is left (NODATA)\n"
	  "A: TTL 10 s, the least allowed: all_down leaves nothing to answer\n"
	  "member 127.0.0.11 (tier 1) is up: ns1 votes up (ok)\n"
	  "member 127.0.0.11 is taken out of every answer, as one that is down: override \"down www.example.test\" by alice, until auto, because \"because\"\n"
	  "member 127.0.0.12 (tier 1) is up: ns1 votes up (ok)\n"
	  "member 127.0.0.12 is taken out of every answer, as one that is down: override \"down www.example.test\" by alice, until auto, because \"because\"\n" },
	{ "an override by glob", W S A1 " / " A2 "\n",
	  "3000; up *.example.test; 1000",
	  "A: tier 1 answers: it has 1 member up and needs 1\n"
	  "A: the answer is 127.0.0.11, whoever asks\n"
	  "A: TTL 60 s, the most allowed: no check changes this answer by itself\n"
	  "member 127.0.0.11 (tier 1) is up: ns1 votes up (ok)\n"
	  "member 127.0.0.11 counts as up, whatever its checks say: override \"up *.example.test\" by alice, until auto, because \"because\"\n"
	  "member 127.0.0.12 (tier 2) is up: ns1 votes up (ok)\n"
	  "member 127.0.0.12 counts as up, whatever its checks say: override \"up *.example.test\" by alice, until auto, because \"because\"\n" },
	{ "an override by host", W S A1 "@ams1 / " A2 "\n",
	  "3000; down ams1; 1000",
	  "A: tier 2 answers: tier 1 has 0 of 1 members up that it needs\n"
	  "A: tier 2 has 1 member up and needs 1\n"
	  "A: the answer is 127.0.0.12, whoever asks\n"
	  "A: TTL 10 s, the least allowed: 127.0.0.12 may change in 3.0s\n"
	  "member 127.0.0.11 (tier 1, host ams1) is up: ns1 votes up (ok)\n"
	  "member 127.0.0.11 is taken out of every answer, as one that is down: override \"down ams1\" by alice, until auto, because \"because\"\n"
	  "member 127.0.0.12 (tier 2) is up: ns1 votes up (ok)\n" },
	{ "an override of one member", W S A1 " / " A2 "\n",
	  "3000; down www.example.test/127.0.0.11; 1000",
	  "A: tier 2 answers: tier 1 has 0 of 1 members up that it needs\n"
	  "A: tier 2 has 1 member up and needs 1\n"
	  "A: the answer is 127.0.0.12, whoever asks\n"
	  "A: TTL 10 s, the least allowed: 127.0.0.12 may change in 3.0s\n"
	  "member 127.0.0.11 (tier 1) is up: ns1 votes up (ok)\n"
	  "member 127.0.0.11 is taken out of every answer, as one that is down: override \"down www.example.test/127.0.0.11\" by alice, until auto, because \"because\"\n"
	  "member 127.0.0.12 (tier 2) is up: ns1 votes up (ok)\n" },
	{ "the first round", W S A1 " " A2 "\n",
	  "127.0.0.11 silent; 127.0.0.12 silent; 1",
	  "A: not answered yet (SERVFAIL): the first round of checks is not over, 2 members, 127.0.0.11 first, wait for a result\n"
	  "member 127.0.0.11 (tier 1) is unknown until its first result: ns1 abstains\n"
	  "member 127.0.0.12 (tier 1) is unknown until its first result: ns1 abstains\n" },
	{ "the first round of one of two", W S A1 " " A2 "\n",
	  "127.0.0.12 silent; 400",
	  "A: not answered yet (SERVFAIL): the first round of checks is not over, 1 member, 127.0.0.12 first, waits for a result\n"
	  "member 127.0.0.11 (tier 1) is up: ns1 votes up (ok)\n"
	  "member 127.0.0.12 (tier 1) is unknown until its first result: ns1 abstains\n" },
	{ "unknown counts as up", W S A1 " " A2 "\n",
	  "127.0.0.11 error; 8000",
	  "A: tier 1 answers: it has 2 members up and needs 1\n"
	  "A: the answer is 127.0.0.11, 127.0.0.12\n"
	  "A: they lead in turn (pick = \"rotate\")\n"
	  "A: TTL 10 s, the least allowed: 127.0.0.11 may change in 1.0s\n"
	  "member 127.0.0.11 (tier 1) is unknown, which counts as up (initial): ns1 abstains (script error)\n"
	  "member 127.0.0.12 (tier 1) is up: ns1 votes up (ok)\n" },
	{ "unknown counts as down", W S A1 " / " A2 " initial=down\n",
	  "127.0.0.11 error; 8000",
	  "A: tier 2 answers: tier 1 has 0 of 1 members up that it needs\n"
	  "A: tier 2 has 1 member up and needs 1\n"
	  "A: the answer is 127.0.0.12, whoever asks\n"
	  "A: TTL 10 s, the least allowed: 127.0.0.11 may change in 1.0s\n"
	  "member 127.0.0.11 (tier 1) is unknown, which counts as down (initial): ns1 abstains (script error)\n"
	  "member 127.0.0.12 (tier 2) is up: ns1 votes up (ok)\n" },
	{ "a new member is left out until its first result", W S A1 "\n",
	  "3000; 127.0.0.12 silent; plan; 100",
	  "A: tier 1 answers: it has 1 member up and needs 1\n"
	  "A: the answer is 127.0.0.11, whoever asks\n"
	  "A: TTL 10 s, the least allowed: 127.0.0.12 may change in 1.0s\n"
	  "member 127.0.0.11 (tier 1) is up: ns1 votes up (ok)\n"
	  "member 127.0.0.12 (tier 1) is unknown, and left out until its first result: ns1 abstains\n",
	  .next = W S A1 " " A2 "\n" },
	{ "recovered after a restart", W S A1 "\n",
	  "3000; restart; 1",
	  "A: tier 1 answers: it has 1 member up and needs 1\n"
	  "A: the answer is 127.0.0.11, whoever asks\n"
	  "A: TTL 10 s, the least allowed: 127.0.0.11 may change in 3.0s\n"
	  "member 127.0.0.11 (tier 1) is up: ns1 votes up (from before the restart, not yet borne out)\n" },
	{ "recovered and borne out", W S A1 "\n",
	  "3000; restart; 5000",
	  "A: tier 1 answers: it has 1 member up and needs 1\n"
	  "A: the answer is 127.0.0.11, whoever asks\n"
	  "A: TTL 10 s, the least allowed: 127.0.0.11 may change in 3.0s\n"
	  "member 127.0.0.11 (tier 1) is up: ns1 votes up (ok)\n" },
	{ "flapping, which changes nothing", "check web interval=1000 timeout=500 retry=200 fall=1 rise=1\n" S A1 " / " A2 " ttl=1-60\n",
	  "3000; 127.0.0.11 refused; 1200; 127.0.0.11 ok; 1200; 127.0.0.11 refused; 1200; 127.0.0.11 ok; 1200; 127.0.0.11 refused; 1200; 127.0.0.11 ok; 1200",
	  "A: tier 1 answers: it has 1 member up and needs 1\n"
	  "A: the answer is 127.0.0.11, whoever asks\n"
	  "member 127.0.0.11 (tier 1) is up: ns1 votes up (ok)\n"
	  "member 127.0.0.11 goes up and down by check web (penalty 5795); that changes no answer\n"
	  "!member 127.0.0.12 goes up and down\n" },
	{ "flapping, and held for it", "check web interval=1000 timeout=500 retry=200 fall=1 rise=1 suppress=3000\n" S A1 " / " A2 " ttl=1-60\n",
	  "3000; 127.0.0.11 refused; 1200; 127.0.0.11 ok; 1200; 127.0.0.11 refused; 1200; 127.0.0.11 ok; 1200; 127.0.0.11 refused; 1200; 127.0.0.11 ok; 1200",
	  "A: tier 2 answers: tier 1 has 0 of 1 members up that it needs\n"
	  "A: the answer is 127.0.0.12, whoever asks\n"
	  "member 127.0.0.11 (tier 1) is down: ns1 still votes down (ok)\n"
	  "member 127.0.0.11 goes up and down by check web (penalty 4795): ns1 holds it down until 2023-11-14T22:32:50.216Z at least\n" },
	{ "stale", W S A1 " / " A2 " initial=down\n",
	  "3000; 127.0.0.11 error; 9000",
	  "A: tier 1 answers: it has 1 member up and needs 1\n"
	  "A: the answer is 127.0.0.11, whoever asks\n"
	  "A: TTL 10 s, the least allowed: 127.0.0.11 may change in 2.0s\n"
	  "member 127.0.0.11 (tier 1) is up: ns1 abstains (its last result is too old); without a vote it stays what it was\n"
	  "member 127.0.0.12 (tier 2) is up: ns1 votes up (ok)\n" },
	{ "no check", W "service www.example.test - 127.0.0.11\n",
	  "3000",
	  "A: tier 1 answers: it has 1 member up and needs 1\n"
	  "A: the answer is 127.0.0.11, whoever asks\n"
	  "A: TTL 60 s, the most allowed: no check changes this answer by itself\n"
	  "member 127.0.0.11 (tier 1) is up: it has no check\n" },
	{ "two checks, both needed", W "check db interval=1000 timeout=500 retry=200 fall=3 rise=2\n" "service www.example.test web+db 127.0.0.11\n",
	  "3000",
	  "A: tier 1 answers: it has 1 member up and needs 1\n"
	  "A: the answer is 127.0.0.11, whoever asks\n"
	  "A: TTL 10 s, the least allowed: 127.0.0.11 may change in 3.0s\n"
	  "member 127.0.0.11 (tier 1) is up: it needs 2 of its 2 checks up\n"
	  "check web of 127.0.0.11 is up: ns1 votes up (ok)\n"
	  "check db of 127.0.0.11 is up: ns1 votes up (ok)\n" },
	{ "two checks, one needed", W "check db interval=1000 timeout=500 retry=200 fall=3 rise=2\n" "service www.example.test web|db 127.0.0.11\n",
	  "127.0.0.11 refused; 5000",
	  "A: no tier has enough members up: tier 1 has 0 of 1 members up that it needs\n"
	  "A: all_down = \"first\" gives the members of tier 1 that are not taken out\n"
	  "A: the answer is 127.0.0.11, whoever asks\n"
	  "A: TTL 10 s, the least allowed: 127.0.0.11 may change in 2.0s\n"
	  "member 127.0.0.11 (tier 1) is down: it needs 1 of its 2 checks up\n"
	  "check web of 127.0.0.11 is down: ns1 votes down (connect refused)\n"
	  "check db of 127.0.0.11 is down: ns1 votes down (connect refused)\n" },
	{ "a twin that is not heard", "pair any-up\n" W S A1 "\n",
	  "6000",
	  "A: tier 1 answers: it has 1 member up and needs 1\n"
	  "A: the answer is 127.0.0.11, whoever asks\n"
	  "A: TTL 10 s, the least allowed: 127.0.0.11 may change in 3.0s\n"
	  "member 127.0.0.11 (tier 1) is up: ns1 votes up (ok), ns2 abstains, agree = \"any-up\"\n" },
	{ "agree of the service", "pair any-up\n" W S A1 " agree=local\n",
	  "127.0.0.11 refused; 9000",
	  "A: no tier has enough members up: tier 1 has 0 of 1 members up that it needs\n"
	  "A: all_down = \"first\" gives the members of tier 1 that are not taken out\n"
	  "A: the answer is 127.0.0.11, whoever asks\n"
	  "A: TTL 10 s, the least allowed: 127.0.0.11 may change in 2.0s\n"
	  "member 127.0.0.11 (tier 1) is down: ns1 votes down (connect refused), ns2 abstains, agree = \"local\"\n" },
	{ "a quorum of weights", "pair quorum above=60 least=2 ns1=3\n" W S A1 " / " A2 "\n",
	  "127.0.0.11 refused; 9000",
	  "A: tier 2 answers: tier 1 has 0 of 1 members up that it needs\n"
	  "A: tier 2 has 1 member up and needs 1\n"
	  "A: the answer is 127.0.0.12, whoever asks\n"
	  "A: TTL 10 s, the least allowed: 127.0.0.11 may change in 2.0s\n"
	  "member 127.0.0.11 (tier 1) is down: ns1 votes down (connect refused), ns2 abstains, agree = \"quorum\" (down above 60% of the weight, of 2 at least, "
	  "ns1 weighs 3)\n"
	  "member 127.0.0.12 (tier 2) is up: ns1 votes up (ok), ns2 abstains, agree = \"quorum\" (down above 60% of the weight, of 2 at least, ns1 weighs 3)\n" },
	{ "agree any-down", "pair any-down\n" W S A1 " / " A2 "\n",
	  "127.0.0.11 refused; 9000",
	  "A: tier 2 answers: tier 1 has 0 of 1 members up that it needs\n"
	  "A: tier 2 has 1 member up and needs 1\n"
	  "A: the answer is 127.0.0.12, whoever asks\n"
	  "A: TTL 10 s, the least allowed: 127.0.0.11 may change in 2.0s\n"
	  "member 127.0.0.11 (tier 1) is down: ns1 votes down (connect refused), ns2 abstains, agree = \"any-down\"\n"
	  "member 127.0.0.12 (tier 2) is up: ns1 votes up (ok), ns2 abstains, agree = \"any-down\"\n" },
	{ "rotate", W S A1 " " A2 " " A3 " answer=2\n",
	  "3000; client 192.0.2.1",
	  "A: tier 1 answers: it has 3 members up and needs 1\n"
	  "A: the answer is 2 of 3: 127.0.0.11, 127.0.0.12, 127.0.0.13\n"
	  "A: they lead in turn (pick = \"rotate\")\n"
	  "A: client 192.0.2.1 gets what every client may get: pick = \"rotate\" does not look at who asks\n"
	  "A: TTL 10 s, the least allowed: 127.0.0.11 may change in 3.0s\n"
	  "member 127.0.0.11 (tier 1) is up: ns1 votes up (ok)\n"
	  "member 127.0.0.12 (tier 1) is up: ns1 votes up (ok)\n"
	  "member 127.0.0.13 (tier 1) is up: ns1 votes up (ok)\n" },
	{ "random", W S A1 " " A2 " pick=random\n",
	  "3000; client 192.0.2.1",
	  "A: tier 1 answers: it has 2 members up and needs 1\n"
	  "A: the answer is 127.0.0.11, 127.0.0.12\n"
	  "A: they are drawn at random, each time anew (pick = \"random\")\n"
	  "A: client 192.0.2.1 gets what every client may get: pick = \"random\" does not look at who asks\n"
	  "A: TTL 10 s, the least allowed: 127.0.0.11 may change in 3.0s\n"
	  "member 127.0.0.11 (tier 1) is up: ns1 votes up (ok)\n"
	  "member 127.0.0.12 (tier 1) is up: ns1 votes up (ok)\n" },
	{ "weighted", W S A1 "*3 " A2 " pick=weighted\n",
	  "3000; client 192.0.2.1",
	  "A: tier 1 answers: it has 2 members up and needs 1\n"
	  "A: the answer is 127.0.0.11, 127.0.0.12\n"
	  "A: the one that leads is drawn by weight, each time anew (pick = \"weighted\")\n"
	  "A: shares by weight: 127.0.0.11 75%, 127.0.0.12 25%\n"
	  "A: client 192.0.2.1 gets what every client may get: pick = \"weighted\" does not look at who asks\n"
	  "A: TTL 10 s, the least allowed: 127.0.0.11 may change in 3.0s\n"
	  "member 127.0.0.11 (tier 1) is up: ns1 votes up (ok)\n"
	  "member 127.0.0.12 (tier 1) is up: ns1 votes up (ok)\n" },
	{ "weights of 0", W S A1 "*0 " A2 "*0 pick=weighted\n",
	  "3000",
	  "A: tier 1 answers: it has 2 members up and needs 1\n"
	  "A: the answer is 127.0.0.11, 127.0.0.12\n"
	  "A: the one that leads is drawn by weight, each time anew (pick = \"weighted\")\n"
	  "A: shares by weight: 127.0.0.11 50%, 127.0.0.12 50%\n"
	  "A: TTL 10 s, the least allowed: 127.0.0.11 may change in 3.0s\n"
	  "member 127.0.0.11 (tier 1) is up: ns1 votes up (ok)\n"
	  "member 127.0.0.12 (tier 1) is up: ns1 votes up (ok)\n" },
	{ "a weight by a check", W S A1 "*3 " A2 " pick=weighted\n",
	  "127.0.0.11 weight=50; 3000",
	  "A: tier 1 answers: it has 2 members up and needs 1\n"
	  "A: the answer is 127.0.0.11, 127.0.0.12\n"
	  "A: the one that leads is drawn by weight, each time anew (pick = \"weighted\")\n"
	  "A: shares by weight: 127.0.0.11 60%, 127.0.0.12 40%\n"
	  "A: TTL 10 s, the least allowed: 127.0.0.11 may change in 3.0s\n"
	  "member 127.0.0.11 (tier 1) is up: ns1 votes up (ok)\n"
	  "member 127.0.0.11 has 50% of its weight 3, as its check says\n"
	  "member 127.0.0.12 (tier 1) is up: ns1 votes up (ok)\n" },
	{ "sticky, one a client", W S A1 " " A2 " " A3 " pick=sticky answer=1\n",
	  "3000; client 192.0.2.1",
	  "A: tier 1 answers: it has 3 members up and needs 1\n"
	  "A: the answer is 1 of 3: 127.0.0.11, 127.0.0.12, 127.0.0.13\n"
	  "A: a client's network, /24 of IPv4 or /56 of IPv6, keeps the one that leads (pick = \"sticky\")\n"
	  "A: shares by weight: 127.0.0.11 33.33%, 127.0.0.12 33.33%, 127.0.0.13 33.33%\n"
	  "A: client 192.0.2.1 counts as its network 192.0.2.0/24 and gets 127.0.0.13\n"
	  "A: TTL 10 s, the least allowed: 127.0.0.11 may change in 3.0s\n"
	  "member 127.0.0.11 (tier 1) is up: ns1 votes up (ok)\n"
	  "member 127.0.0.12 (tier 1) is up: ns1 votes up (ok)\n"
	  "member 127.0.0.13 (tier 1) is up: ns1 votes up (ok)\n" },
	{ "sticky, another client of that network", W S A1 " " A2 " " A3 " pick=sticky answer=1\n",
	  "3000; client 192.0.2.77",
	  "A: tier 1 answers: it has 3 members up and needs 1\n"
	  "A: the answer is 1 of 3: 127.0.0.11, 127.0.0.12, 127.0.0.13\n"
	  "A: a client's network, /24 of IPv4 or /56 of IPv6, keeps the one that leads (pick = \"sticky\")\n"
	  "A: shares by weight: 127.0.0.11 33.33%, 127.0.0.12 33.33%, 127.0.0.13 33.33%\n"
	  "A: client 192.0.2.77 counts as its network 192.0.2.0/24 and gets 127.0.0.13\n"
	  "A: TTL 10 s, the least allowed: 127.0.0.11 may change in 3.0s\n"
	  "member 127.0.0.11 (tier 1) is up: ns1 votes up (ok)\n"
	  "member 127.0.0.12 (tier 1) is up: ns1 votes up (ok)\n"
	  "member 127.0.0.13 (tier 1) is up: ns1 votes up (ok)\n" },
	{ "sticky, a client elsewhere", W S A1 " " A2 " " A3 " pick=sticky answer=1\n",
	  "3000; client 198.51.100.1",
	  "A: tier 1 answers: it has 3 members up and needs 1\n"
	  "A: the answer is 1 of 3: 127.0.0.11, 127.0.0.12, 127.0.0.13\n"
	  "A: a client's network, /24 of IPv4 or /56 of IPv6, keeps the one that leads (pick = \"sticky\")\n"
	  "A: shares by weight: 127.0.0.11 33.33%, 127.0.0.12 33.33%, 127.0.0.13 33.33%\n"
	  "A: client 198.51.100.1 counts as its network 198.51.100.0/24 and gets 127.0.0.13\n"
	  "A: TTL 10 s, the least allowed: 127.0.0.11 may change in 3.0s\n"
	  "member 127.0.0.11 (tier 1) is up: ns1 votes up (ok)\n"
	  "member 127.0.0.12 (tier 1) is up: ns1 votes up (ok)\n"
	  "member 127.0.0.13 (tier 1) is up: ns1 votes up (ok)\n" },
	{ "sticky, a client of IPv6", W S A1 " " A2 " pick=sticky\n",
	  "3000; client 2001:db8::1",
	  "A: tier 1 answers: it has 2 members up and needs 1\n"
	  "A: the answer is 127.0.0.11, 127.0.0.12\n"
	  "A: a client's network, /24 of IPv4 or /56 of IPv6, keeps the one that leads (pick = \"sticky\")\n"
	  "A: shares by weight: 127.0.0.11 50%, 127.0.0.12 50%\n"
	  "A: client 2001:db8::1 counts as its network 2001:db8::/56 and gets 127.0.0.11 first, and the others behind it\n"
	  "A: TTL 10 s, the least allowed: 127.0.0.11 may change in 3.0s\n"
	  "member 127.0.0.11 (tier 1) is up: ns1 votes up (ok)\n"
	  "member 127.0.0.12 (tier 1) is up: ns1 votes up (ok)\n" },
	{ "sticky, two a client", W S A1 " " A2 " " A3 " pick=sticky answer=2\n",
	  "3000; client 192.0.2.1",
	  "A: tier 1 answers: it has 3 members up and needs 1\n"
	  "A: the answer is 2 of 3: 127.0.0.11, 127.0.0.12, 127.0.0.13\n"
	  "A: a client's network, /24 of IPv4 or /56 of IPv6, keeps the one that leads (pick = \"sticky\")\n"
	  "A: shares by weight: 127.0.0.11 33.33%, 127.0.0.12 33.33%, 127.0.0.13 33.33%\n"
	  "A: client 192.0.2.1 counts as its network 192.0.2.0/24 and gets 127.0.0.13, 127.0.0.12\n"
	  "A: TTL 10 s, the least allowed: 127.0.0.11 may change in 3.0s\n"
	  "member 127.0.0.11 (tier 1) is up: ns1 votes up (ok)\n"
	  "member 127.0.0.12 (tier 1) is up: ns1 votes up (ok)\n"
	  "member 127.0.0.13 (tier 1) is up: ns1 votes up (ok)\n" },
	{ "sticky without a client", W S A1 " " A2 " pick=sticky\n",
	  "3000",
	  "A: tier 1 answers: it has 2 members up and needs 1\n"
	  "A: the answer is 127.0.0.11, 127.0.0.12\n"
	  "A: a client's network, /24 of IPv4 or /56 of IPv6, keeps the one that leads (pick = \"sticky\")\n"
	  "A: shares by weight: 127.0.0.11 50%, 127.0.0.12 50%\n"
	  "A: TTL 10 s, the least allowed: 127.0.0.11 may change in 3.0s\n"
	  "member 127.0.0.11 (tier 1) is up: ns1 votes up (ok)\n"
	  "member 127.0.0.12 (tier 1) is up: ns1 votes up (ok)\n" },
	{ "one member, and a client", W S A1 " pick=sticky\n",
	  "3000; client 192.0.2.1",
	  "A: tier 1 answers: it has 1 member up and needs 1\n"
	  "A: the answer is 127.0.0.11, whoever asks\n"
	  "A: TTL 10 s, the least allowed: 127.0.0.11 may change in 3.0s\n"
	  "member 127.0.0.11 (tier 1) is up: ns1 votes up (ok)\n" },
	{ "ttl between its bounds", W S A1 " ttl=1-60\n",
	  "3000",
	  "A: tier 1 answers: it has 1 member up and needs 1\n"
	  "A: the answer is 127.0.0.11, whoever asks\n"
	  "A: TTL 3 s: 127.0.0.11 may change in 3.0s, and none sooner\n"
	  "member 127.0.0.11 (tier 1) is up: ns1 votes up (ok)\n" },
	{ "ttl at its least", W S A1 " ttl=30-60\n",
	  "3000",
	  "A: tier 1 answers: it has 1 member up and needs 1\n"
	  "A: the answer is 127.0.0.11, whoever asks\n"
	  "A: TTL 30 s, the least allowed: 127.0.0.11 may change in 3.0s\n"
	  "member 127.0.0.11 (tier 1) is up: ns1 votes up (ok)\n" },
	{ "ttl at its most", "check slow interval=60000 timeout=500 retry=200 fall=3 rise=2\nservice www.example.test slow 127.0.0.11 ttl=1-20\n",
	  "3000",
	  "A: tier 1 answers: it has 1 member up and needs 1\n"
	  "A: the answer is 127.0.0.11, whoever asks\n"
	  "A: TTL 20 s, the most allowed: 127.0.0.11 may change in 3m00s, and none sooner\n"
	  "member 127.0.0.11 (tier 1) is up: ns1 votes up (ok)\n" },
	{ "ttl falls while failures are counted", W S A1 " ttl=1-60\n",
	  "3000; 127.0.0.11 refused; 1150",
	  "A: no tier has enough members up: tier 1 has 0 of 1 members up that it needs\n"
	  "A: all_down = \"first\" gives the members of tier 1 that are not taken out\n"
	  "A: the answer is 127.0.0.11, whoever asks\n"
	  "A: TTL 2 s: 127.0.0.11 may change in 2.0s, and none sooner\n"
	  "member 127.0.0.11 (tier 1) is down: ns1 votes down (connect refused)\n" },
	{ "ttl of what nobody changes", W S A1 " ttl=5-45\n",
	  "3000; up 127.0.0.11; 1000",
	  "A: tier 1 answers: it has 1 member up and needs 1\n"
	  "A: the answer is 127.0.0.11, whoever asks\n"
	  "A: TTL 45 s, the most allowed: no check changes this answer by itself\n"
	  "member 127.0.0.11 (tier 1) is up: ns1 votes up (ok)\n"
	  "member 127.0.0.11 counts as up, whatever its checks say: override \"up 127.0.0.11\" by alice, until auto, because \"because\"\n" },
	{ "ttl of an empty answer", W S A1 " ttl=5-45 all_down=none\n",
	  "127.0.0.11 refused; 5000",
	  "A: no tier has enough members up: tier 1 has 0 of 1 members up that it needs\n"
	  "A: all_down = \"none\" gives no address (NODATA)\n"
	  "A: TTL 5 s, the least allowed: all_down leaves nothing to answer\n"
	  "member 127.0.0.11 (tier 1) is down: ns1 votes down (connect refused)\n" },
	{ "ttl by the better tier that may come back", W S A1 " / " A2 " ttl=1-60\n",
	  "127.0.0.11 refused; 5000",
	  "A: tier 2 answers: tier 1 has 0 of 1 members up that it needs\n"
	  "A: tier 2 has 1 member up and needs 1\n"
	  "A: the answer is 127.0.0.12, whoever asks\n"
	  "A: TTL 2 s: 127.0.0.11 may change in 2.0s, and none sooner\n"
	  "member 127.0.0.11 (tier 1) is down: ns1 votes down (connect refused)\n"
	  "member 127.0.0.12 (tier 2) is up: ns1 votes up (ok)\n" },
	{ "they carry the load", W S A1 "#40 " A2 "#50 / " A3 "#80 load=80\n",
	  "3000",
	  "a tier needs members up of each family that together carry 80 (load)\n"
	  "A: tier 1 answers: it has 2 members up and needs 1, and they carry 90 of the 80 needed (load)\n"
	  "A: the answer is 127.0.0.11, 127.0.0.12\n" },
	{ "they carry too little", W S A1 "#40 " A2 "#20 " "127.0.0.14#40 / " A3 "#80 load=80\n",
	  "127.0.0.14 refused; 5000",
	  "A: tier 2 answers: tier 1 has 2 of 3 members up, which carry 60 of the 80 needed (load)\n"
	  "A: tier 2 has 1 member up and needs 1, and they carry 80 of the 80 needed (load)\n"
	  "A: the answer is 127.0.0.13, whoever asks\n" },
	{ "nobody up carries nothing", W S A1 "#80 / " A3 "#80 load=80\n",
	  "127.0.0.11 refused; 5000",
	  "A: tier 2 answers: tier 1 has 0 of 1 members up that it needs\n" },
	{ "half of its weight, half of its capacity", W S A1 "#80 / " A3 "#80 load=80 pick=weighted\n",
	  "127.0.0.11 weight=50; 3000",
	  "A: tier 2 answers: tier 1 has 1 of 1 members up, which carry 40 of the 80 needed (load)\n"
	  "A: the answer is 127.0.0.13, whoever asks\n"
	  "member 127.0.0.11 has 50% of its weight 1, as its check says\n"
	  "member 127.0.0.11 carries 50% of its capacity 80, as its check says\n" },
	{ "half of its capacity, and no weights", W S A1 "#80 / " A3 "#80 load=80\n",
	  "127.0.0.11 weight=50; 3000",
	  "member 127.0.0.11 (tier 1) is up: ns1 votes up (ok)\n"
	  "member 127.0.0.11 carries 50% of its capacity 80, as its check says\n"
	  "member 127.0.0.13 (tier 2) is up: ns1 votes up (ok)\n" },
	{ "no tier carries it", W S A1 "#40 " A2 "#40 / " A3 "#80 load=80\n",
	  "127.0.0.12 refused; 127.0.0.13 refused; 5000",
	  "A: no tier has enough members up: tier 1 has 1 of 2 members up, which carry 40 of the 80 needed (load), "
	  "tier 2 has 0 of 1 members up that it needs\n"
	  "A: all_down = \"first\" gives the members of tier 1 that are not taken out\n"
	  "A: the answer is 127.0.0.11, 127.0.0.12\n" },
	{ "couple: too little of one family", W S A1 "#80 ::1#40 ::2#40 / " A3 "#80 ::3#80 load=80 couple=1\n",
	  "::2 refused; 5000",
	  "A: tier 2 answers: tier 1 has 1 of 2 AAAA members up, which carry 40 of the 80 needed (load)\n"
	  "AAAA: tier 2 answers: tier 1 has 1 of 2 AAAA members up, which carry 40 of the 80 needed (load)\n" },
	{ "slow start", W S A1 "*3 " A2 " pick=weighted slow_start=60000\n",
	  "3000; 127.0.0.11 refused; 5000; 127.0.0.11 ok; 25000",
	  "A: the answer is 127.0.0.11, 127.0.0.12\n"
	  "A: shares by weight: 127.0.0.11 54.55%, 127.0.0.12 45.45%\n"
	  "member 127.0.0.11 (tier 1) is up: ns1 votes up (ok)\n"
	  "member 127.0.0.11 is in its slow start: 40% of its weight 3, full in 36s (slow_start)\n"
	  "member 127.0.0.12 (tier 1) is up: ns1 votes up (ok)\n" },
	{ "slow start, just begun, sticky", W S A1 " " A2 " pick=sticky slow_start=60000\n",
	  "3000; drain 127.0.0.11; 5000; auto 127.0.0.11; 100",
	  "A: shares by weight: 127.0.0.11 4.762%, 127.0.0.12 95.24%\n"
	  "member 127.0.0.11 is in its slow start: 5% of its weight 1, full in 1m00s (slow_start)\n" },
	{ "slow start, alone", W S A1 " pick=weighted slow_start=60000\n",
	  "3000; 127.0.0.11 refused; 5000; 127.0.0.11 ok; 25000",
	  "A: the answer is 127.0.0.11, whoever asks\n"
	  "member 127.0.0.11 is in its slow start: 40% of its weight 1, full in 36s (slow_start)\n" },
	{ "slow start, over", W S A1 " " A2 " pick=weighted slow_start=10000\n",
	  "3000; 127.0.0.11 refused; 5000; 127.0.0.11 ok; 25000",
	  "A: shares by weight: 127.0.0.11 50%, 127.0.0.12 50%\n"
	  "!slow start\n" },
	{ "slow start, not at the first verdict", W S A1 " " A2 " pick=weighted slow_start=60000\n",
	  "3000",
	  "A: shares by weight: 127.0.0.11 50%, 127.0.0.12 50%\n"
	  "!slow start\n" },
	{ "slow start, after a restart in the middle", W S A1 " " A2 " pick=weighted slow_start=60000\n",
	  "3000; 127.0.0.11 refused; 5000; 127.0.0.11 ok; 25000; restart; 200",
	  "A: shares by weight: 127.0.0.11 28.57%, 127.0.0.12 71.43%\n"
	  "member 127.0.0.11 is in its slow start: 40% of its weight 1, full in 36s (slow_start)\n" },
	{ "failback by hand", W S A1 " / " A2 " failback=manual ttl=1-60\n",
	  "127.0.0.11 refused; 5000; 127.0.0.11 ok; 5000",
	  "A: tier 2 answers: tier 1 has enough, and waits for an operator's failback (failback = \"manual\")\n"
	  "A: tier 2 has 1 member up and needs 1\n"
	  "A: the answer is 127.0.0.12, whoever asks\n"
	  "A: TTL 3 s: 127.0.0.12 may change in 3.0s, and none sooner\n"
	  "member 127.0.0.11 (tier 1) is up: ns1 votes up (ok)\n"
	  "member 127.0.0.12 (tier 2) is up: ns1 votes up (ok)\n" },
	{ "failback by hand, done", W S A1 " / " A2 " failback=manual\n",
	  "127.0.0.11 refused; 5000; 127.0.0.11 ok; 5000; failback www.example.test; 1000",
	  "A: tier 1 answers: it has 1 member up and needs 1\n"
	  "A: the answer is 127.0.0.11, whoever asks\n"
	  "A: TTL 10 s, the least allowed: 127.0.0.11 may change in 3.0s\n"
	  "member 127.0.0.11 (tier 1) is up: ns1 votes up (ok)\n"
	  "member 127.0.0.12 (tier 2) is up: ns1 votes up (ok)\n" },
	{ "failback after a while", W S A1 " / " A2 " failback=30000 ttl=1-60\n",
	  "127.0.0.11 refused; 5000; 127.0.0.11 ok; 5000",
	  "A: tier 2 answers: tier 1 has enough, and must have it for 30s to take over again (failback)\n"
	  "A: tier 2 has 1 member up and needs 1\n"
	  "A: the answer is 127.0.0.12, whoever asks\n"
	  "A: TTL 3 s: 127.0.0.12 may change in 3.0s, and none sooner\n"
	  "member 127.0.0.11 (tier 1) is up: ns1 votes up (ok)\n"
	  "member 127.0.0.12 (tier 2) is up: ns1 votes up (ok)\n" },
	{ "failback after a while, which is over", W S A1 " / " A2 " failback=3000\n",
	  "127.0.0.11 refused; 5000; 127.0.0.11 ok; 9000",
	  "A: tier 1 answers: it has 1 member up and needs 1\n"
	  "A: the answer is 127.0.0.11, whoever asks\n"
	  "A: TTL 10 s, the least allowed: 127.0.0.11 may change in 3.0s\n"
	  "member 127.0.0.11 (tier 1) is up: ns1 votes up (ok)\n"
	  "member 127.0.0.12 (tier 2) is up: ns1 votes up (ok)\n" },
	{ "needs what is up", W S A1 " needs=db.example.test\nservice db.example.test web " A2 " " A3 "\n",
	  "3000",
	  "A: tier 1 answers: it has 1 member up and needs 1\n"
	  "A: the answer is 127.0.0.11, whoever asks\n"
	  "A: TTL 10 s, the least allowed: 127.0.0.11 may change in 3.0s\n"
	  "member 127.0.0.11 (tier 1) is up: ns1 votes up (ok)\n" },
	{ "needs what is down", W S A1 "^db.example.test " A2 "\nservice db.example.test web " A3 "\n",
	  "127.0.0.13 refused; 5000",
	  "A: tier 1 answers: it has 1 member up and needs 1\n"
	  "A: the answer is 127.0.0.12, whoever asks\n"
	  "A: TTL 10 s, the least allowed: 127.0.0.11 may change in 2.0s\n"
	  "member 127.0.0.11 (tier 1) is down: it needs db.example.test, which is down; ns1 votes up (ok)\n"
	  "member 127.0.0.12 (tier 1) is up: ns1 votes up (ok)\n" },
	{ "needs what is down, without a check", W "service www.example.test - " A1 " " A2 "^db.example.test\nservice db.example.test web " A3 "\n",
	  "127.0.0.13 refused; 5000",
	  "A: the answer is 127.0.0.11, whoever asks\n"
	  "member 127.0.0.11 (tier 1) is up: it has no check\n"
	  "member 127.0.0.12 (tier 1) is down: it needs db.example.test, which is down; it has no check\n" },
	{ "needs what is down, and is forced up", W S A1 " needs=db.example.test\nservice db.example.test web " A3 "\n",
	  "127.0.0.13 refused; 5000; up 127.0.0.11; 1000",
	  "A: tier 1 answers: it has 1 member up and needs 1\n"
	  "A: the answer is 127.0.0.11, whoever asks\n"
	  "member 127.0.0.11 (tier 1) is down: it needs db.example.test, which is down; ns1 votes up (ok)\n"
	  "member 127.0.0.11 counts as up, whatever its checks say: override \"up 127.0.0.11\" by alice, until auto, because \"because\"\n" },
	{ "one goes, the next is held", W S A1 " " A2 " " A3 " removals=1\n",
	  "3000; 127.0.0.12 refused; 5000; 127.0.0.13 refused; 5000",
	  "1 member that is down is held in the answer: checks take out no more than 1 of the members a minute (removals)\n"
	  "A: tier 1 answers: it has 2 members up and needs 1\n"
	  "A: the answer is 127.0.0.11, 127.0.0.13\n"
	  "member 127.0.0.12 (tier 1) is down: ns1 votes down (connect refused)\n"
	  "member 127.0.0.13 (tier 1) is down, and held in the answer as if it were up, until 2023-11-14T22:31:03.844Z or sooner: ns1 votes down (connect refused)\n" },
	{ "two are held by a share", W S A1 " " A2 " " A3 " removals=10%\n",
	  "3000; 127.0.0.11 refused; 5000; 127.0.0.12 refused; 127.0.0.13 refused; 5000",
	  "2 members that are down are held in the answer: checks take out no more than 10% of the members a minute (removals)\n"
	  "A: tier 1 answers: it has 2 members up and needs 1\n"
	  "A: the answer is 127.0.0.12, 127.0.0.13\n" },
	{ "the minute is over", W S A1 " " A2 " " A3 " removals=1\n",
	  "3000; 127.0.0.12 refused; 5000; 127.0.0.13 refused; 65000",
	  "A: the answer is 127.0.0.11, whoever asks\n"
	  "!held\n"
	  "member 127.0.0.13 (tier 1) is down: ns1 votes down (connect refused)\n" },
	{ "who lacks what it needs is not held", W S A1 " " A2 "^db.example.test " A3 "^db.example.test removals=1\nservice db.example.test web 127.0.0.14\n",
	  "3000; 127.0.0.14 refused; 5000",
	  "A: the answer is 127.0.0.11, whoever asks\n"
	  "!held\n"
	  "member 127.0.0.12 (tier 1) is down: it needs db.example.test, which is down; ns1 votes up (ok)\n" },
	{ "drained by a window", W S A1 " " A2 "\nwindow upgrade " A1 " from=2023-11-14_22:00 to=2023-11-14_23:00\n",
	  "3000",
	  "A: tier 1 answers: it has 1 member up and needs 1\n"
	  "A: the answer is 127.0.0.12, whoever asks\n"
	  "A: TTL 10 s, the least allowed: 127.0.0.12 may change in 3.0s\n"
	  "member 127.0.0.11 (tier 1) is up: ns1 votes up (ok)\n"
	  "member 127.0.0.11 is taken out of every answer, and is not counted: maintenance window \"upgrade\", until 2023-11-14T23:00:00.000Z\n"
	  "member 127.0.0.12 (tier 1) is up: ns1 votes up (ok)\n" },
	{ "down by a window", W S A1 " / " A2 "\nwindow upgrade " A1 " cron=0_22_*_*_tue lasts=3600000 state=down\n",
	  "3000",
	  "A: tier 2 answers: tier 1 has 0 of 1 members up that it needs\n"
	  "member 127.0.0.11 is taken out of every answer, as one that is down: maintenance window \"upgrade\", until 2023-11-14T23:00:00.000Z\n" },
	{ "a window that is held back", W S A1 " " A2 "\nwindow upgrade www.example.test from=2023-11-14_22:00 to=2023-11-14_23:00\n",
	  "3000",
	  "A: the answer is 127.0.0.11, 127.0.0.12\n"
	  "member 127.0.0.11 is not taken out by maintenance window \"upgrade\": it would leave no member that could answer\n"
	  "member 127.0.0.12 is not taken out by maintenance window \"upgrade\": it would leave no member that could answer\n" },
	{ "an override beside a window", W S A1 " " A2 "\nwindow upgrade " A1 " from=2023-11-14_22:00 to=2023-11-14_23:00\n",
	  "3000; up 127.0.0.11; 1000",
	  "A: the answer is 127.0.0.11, 127.0.0.12\n"
	  "member 127.0.0.11 counts as up, whatever its checks say: override \"up 127.0.0.11\" by alice, until auto, because \"because\"\n"
	  "!maintenance\n" },
