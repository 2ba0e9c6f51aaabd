// Command audit-verifier checks an export of the audit log, or a list of Merkle proofs, with the transparency-dev and
// golang.org/x/mod libraries. It shares no code with the verifier of sccctl, so that an error there can not hide itself.
//
// Exit codes: 0 clean, 2 tampered, 3 incomplete, 1 used wrongly.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
)

func main() {
	if len(os.Args) > 1 && os.Args[1] == "proofs" {
		if err := judgeProofs(os.Stdin, os.Stdout); err != nil {
			fail(err)
		}
		return
	}
	export := flag.String("export", "", "the export to check")
	origin := flag.String("origin", "", "the origin that the log must have")
	key := flag.String("key", "", "a public key (NAME+ID+BASE64) that must have signed")
	anchors := flag.String("anchors", "", "a JSON file: [{source, note}]")
	receipts := flag.String("receipts", "", "a JSON file: [{entryId, leafHash, index, checkpoint}]")
	flag.Parse()

	trust := Trust{Origin: *origin, Key: *key}
	for file, target := range map[string]any{*anchors: &trust.Anchors, *receipts: &trust.Receipts} {
		if file == "" {
			continue
		}
		bytes, err := os.ReadFile(file)
		if err == nil {
			err = json.Unmarshal(bytes, target)
		}
		if err != nil {
			fail(err)
		}
	}
	input, err := os.Open(*export)
	if err != nil {
		fail(err)
	}
	defer input.Close()
	report, err := Verify(input, trust)
	if err != nil {
		fail(err)
	}
	if err := json.NewEncoder(os.Stdout).Encode(report); err != nil {
		fail(err)
	}
	os.Exit(map[string]int{"clean": 0, "tampered": 2, "incomplete": 3}[report.Verdict])
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
