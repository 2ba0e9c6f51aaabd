package main

import (
	"encoding/json"
	"io"

	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
)

// claim is an inclusion proof (Leaf set) or a consistency proof.
type claim struct {
	Index  uint64 `json:"index"`
	First  uint64 `json:"first"`
	Size   uint64 `json:"size"`
	Leaf   Hex    `json:"leaf"`
	Before Hex    `json:"before"`
	Root   Hex    `json:"root"`
	Path   []Hex  `json:"path"`
}

// judgeProofs answers each claim with true or false.
func judgeProofs(input io.Reader, output io.Writer) error {
	claims := json.NewDecoder(input)
	answers := json.NewEncoder(output)
	for {
		var one claim
		if err := claims.Decode(&one); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		path := make([][]byte, len(one.Path))
		for at, hash := range one.Path {
			path[at] = hash
		}
		var err error
		if one.Leaf != nil {
			err = proof.VerifyInclusion(rfc6962.DefaultHasher, one.Index, one.Size, one.Leaf, path, one.Root)
		} else {
			err = proof.VerifyConsistency(rfc6962.DefaultHasher, one.First, one.Size, path, one.Before, one.Root)
		}
		if err := answers.Encode(err == nil); err != nil {
			return err
		}
	}
}
