package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"sort"
	"time"

	"github.com/transparency-dev/merkle/compact"
	"github.com/transparency-dev/merkle/rfc6962"
)

// Trust is what the verifier knows without the log.
type Trust struct {
	Origin   string
	Key      string
	Anchors  []Anchor
	Receipts []Receipt
}

type Anchor struct {
	Source string `json:"source"`
	Note   string `json:"note"`
}

type Receipt struct {
	EntryID    string  `json:"entryId"`
	LeafHash   string  `json:"leafHash"`
	Index      *uint64 `json:"index"`
	Checkpoint *string `json:"checkpoint"`
}

// Problem is a stretch of the log, From up to and including To, in which something is wrong. From -1: no place.
type Problem struct {
	From   int64  `json:"from"`
	To     int64  `json:"to"`
	Reason string `json:"reason"`
}

type Report struct {
	Verdict  string    `json:"verdict"`
	Sealed   uint64    `json:"sealed"`
	Problems []Problem `json:"problems"`
	Missing  []string  `json:"missing"`
}

const (
	maxTransaction = 10 * time.Minute
	maxSealLag     = 10 * time.Second
	tileWidth      = 256
	hashSize       = sha256.Size
)

type verifier struct {
	trust      Trust
	keys       keys
	tree       *compact.Range
	leaves     [][]byte
	roots      map[uint64][]byte
	wanted     map[uint64]bool
	exportedAt time.Time
	problems   []Problem
	missing    []string
	confirmed  uint64
	stored     uint64 // size of the stored checkpoint at hand
	tiled      uint64 // leaves that the tiles so far hold
	beyond     bool
	cut        bool
	lastTime   time.Time
	lastRow    int64
	oldest     time.Time
	unsealed   uint64
	seen       map[string]int64
	counted    uint64
	ended      bool
	sealers    *sealers
}

func newVerifier(trust Trust) *verifier {
	for _, receipt := range trust.Receipts {
		if receipt.Checkpoint != nil {
			trust.Anchors = append(trust.Anchors, Anchor{"receipt " + receipt.EntryID, *receipt.Checkpoint})
		}
	}
	factory := compact.RangeFactory{Hash: rfc6962.DefaultHasher.HashChildren}
	v := &verifier{
		trust: trust, tree: factory.NewEmptyRange(0), seen: map[string]int64{}, lastRow: -1 << 62,
		roots: map[uint64][]byte{0: rfc6962.DefaultHasher.EmptyRoot()}, wanted: map[uint64]bool{},
	}
	for _, anchor := range trust.Anchors {
		if _, size, _, err := parseCheckpoint(anchor.Note); err == nil {
			v.wanted[size] = true
		}
	}
	return v
}

// Verify reads an export and says whether the log is what its signatures and the witnesses state.
func Verify(input io.Reader, trust Trust) (Report, error) {
	v := newVerifier(trust)
	if err := readRecords(input, v.see); err != nil {
		return Report{}, err
	}
	v.finish()
	report := Report{Verdict: "clean", Sealed: v.size(), Problems: v.problems, Missing: v.missing}
	sort.SliceStable(report.Problems, func(a, b int) bool { return report.Problems[a].From < report.Problems[b].From })
	switch {
	case len(v.problems) > 0:
		report.Verdict = "tampered"
	case len(v.missing) > 0:
		report.Verdict = "incomplete"
	}
	return report, nil
}

func (v *verifier) size() uint64 { return uint64(len(v.leaves)) }

func (v *verifier) bad(from, to int64, reason string, args ...any) {
	v.problems = append(v.problems, Problem{from, to, fmt.Sprintf(reason, args...)})
}

func (v *verifier) see(record Record) error {
	switch record.T {
	case "header":
		return v.header(record)
	case "entry":
		return v.entry(record)
	case "unsealed":
		v.unsealedEntry(record)
	case "tile":
		v.tile(record)
	case "checkpoint":
		v.checkpoint(record)
	case "table", "row":
		// What the tables beside the log say is not judged here.
	case "end":
		var sealed uint64
		if err := json.Unmarshal(record.Sealed, &sealed); err != nil {
			return err
		}
		v.ended = sealed == v.size() && record.Unsealed == v.unsealed && record.Count == v.counted
	default:
		return fmt.Errorf("unknown record %q", record.T)
	}
	return nil
}

func (v *verifier) header(record Record) error {
	if v.trust.Origin == "" {
		v.trust.Origin = record.Origin
	}
	if record.Origin != v.trust.Origin {
		v.bad(0, 0, "the log is %s", record.Origin)
	}
	if len(record.Keys) > 0 {
		if err := v.keys.start(record.Keys[0]); err != nil {
			v.bad(0, 0, "the first key: %v", err)
		}
	}
	if record.Sealers != nil {
		v.sealers = newSealers(*record.Sealers, record.Keys)
	}
	at, err := time.Parse(time.RFC3339, record.ExportedAt)
	v.exportedAt = at
	return err
}

func (v *verifier) entry(record Record) error {
	var sealed Hex
	if err := json.Unmarshal(record.Sealed, &sealed); err != nil {
		return err
	}
	index := int64(record.Index)
	if record.Index != v.size() {
		v.bad(int64(v.size()), index, "the log goes on at %d", index)
		v.beyond = true
	}
	v.requireTile()
	v.leaves = append(v.leaves, sealed)
	if err := v.tree.Append(sealed, nil); err != nil {
		return err
	}
	if v.wanted[v.size()] && !v.beyond {
		root, err := v.tree.GetRootHash(nil)
		if err != nil {
			return err
		}
		v.roots[v.size()] = root
	}
	v.seen[hex.EncodeToString(sealed)] = index
	if record.Entry == nil {
		v.bad(index, index, "the entry is gone")
		return nil
	}
	if body := v.body(record.Entry, sealed, index); body != nil && body.Action == "audit.key.rotated" {
		if err := v.keys.rotate(record.Index, v.trust.Origin, body.Details); err != nil {
			v.bad(index, index, "rotation: %v", err)
		}
	}
	return nil
}

// body checks the bytes of an entry against the hash that counts, and its columns against the bytes.
func (v *verifier) body(entry *Entry, expected []byte, index int64) *Body {
	leaf := rfc6962.DefaultHasher.HashLeaf(entry.Body)
	if !bytes.Equal(leaf, expected) || !bytes.Equal(leaf, entry.Leaf) {
		v.bad(index, index, "body, stored hash and sealed hash differ")
		return nil
	}
	var body Body
	if err := json.Unmarshal(entry.Body, &body); err != nil || body.V != 1 || body.Action == "" {
		v.bad(index, index, "not an entry")
		return nil
	}
	want := []*string{&body.ID, nil, &body.Actor.Name, &body.Action, &body.Object.Kind, body.Object.Namespace, body.Object.Name, body.RequestID}
	for at, column := range entry.Columns {
		if at != 1 && at < len(want) && !sameText(want[at], column) {
			v.bad(index, index, "column %d differs from the body", at)
			return nil
		}
	}
	at, err := time.Parse(time.RFC3339, *entry.Columns[1])
	if err != nil || !at.Equal(body.OccurredAt) {
		v.bad(index, index, "the time column differs from the body")
	}
	v.order(entry.Row, body.OccurredAt, index)
	return &body
}

func sameText(a, b *string) bool {
	if a == nil || b == nil {
		return a == b
	}
	return string(bytes.ReplaceAll([]byte(*a), []byte{0}, []byte("\uFFFD"))) == *b
}

func (v *verifier) order(row int64, at time.Time, index int64) {
	if row < v.lastRow && at.Before(v.lastTime.Add(-maxTransaction)) {
		v.bad(index, index, "written into the past")
	}
	if row > v.lastRow {
		v.lastRow = row
	}
	if at.After(v.lastTime) {
		v.lastTime = at
	}
}

func (v *verifier) unsealedEntry(record Record) {
	v.unsealed++
	if body := v.body(record.Entry, record.Entry.Leaf, -1); body != nil && body.Action == "audit.key.rotated" {
		v.sealers.awaits(body.Details)
	}
	v.seen[hex.EncodeToString(record.Entry.Leaf)] = -1
	at, err := time.Parse(time.RFC3339, *record.Entry.Columns[1])
	if err == nil && (v.oldest.IsZero() || at.Before(v.oldest)) {
		v.oldest = at
	}
}

// A full tile comes right after its last leaf.
func (v *verifier) requireTile() {
	size := v.size()
	if v.beyond || size == 0 || size%tileWidth != 0 || v.tiled == size {
		return
	}
	v.tiled = size
	v.bad(int64(size-tileWidth), int64(size-1), "the tile is gone")
}

// rootFrom is the root of a number of leaves, a power of two.
func (v *verifier) rootFrom(first, count uint64) []byte {
	nodes := append([][]byte{}, v.leaves[first:first+count]...)
	for ; len(nodes) > 1; nodes = nodes[:len(nodes)/2] {
		for at := range len(nodes) / 2 {
			nodes[at] = rfc6962.DefaultHasher.HashChildren(nodes[2*at], nodes[2*at+1])
		}
	}
	return nodes[0]
}

// A tile above the leaves has the roots of 256 tiles of the level below.
func (v *verifier) upperTile(record Record) {
	below := uint64(1)
	for range record.Level {
		below *= tileWidth
	}
	first := record.Index * below * tileWidth
	last := first + below*tileWidth
	if v.beyond || len(record.Hashes) != tileWidth*hashSize || last > v.size() {
		v.bad(int64(first), int64(last-1), "the tile does not fit the log")
		return
	}
	for at := range uint64(tileWidth) {
		if !bytes.Equal(record.Hashes[at*hashSize:(at+1)*hashSize], v.rootFrom(first+at*below, below)) {
			v.bad(int64(first), int64(last-1), "the tile holds another hash")
			return
		}
	}
	if len(record.Root) > 0 && !bytes.Equal(record.Root, v.rootFrom(first, below*tileWidth)) {
		v.bad(int64(first), int64(last-1), "the tile has another root")
	}
}

func (v *verifier) tile(record Record) {
	if record.Level > 0 {
		v.upperTile(record)
		return
	}
	first := record.Index * tileWidth
	v.tiled = first + tileWidth
	if v.beyond || len(record.Hashes) != tileWidth*hashSize || first+tileWidth > v.size() {
		v.bad(int64(first), int64(first+tileWidth-1), "the tile does not fit the log")
		return
	}
	for at := range uint64(tileWidth) {
		if !bytes.Equal(record.Hashes[at*hashSize:(at+1)*hashSize], v.leaves[first+at]) {
			v.bad(int64(first+at), int64(first+at), "the tile holds another hash")
			return
		}
	}
	if len(record.Root) > 0 && !bytes.Equal(record.Root, v.rootFrom(first, tileWidth)) {
		v.bad(int64(first), int64(first+tileWidth-1), "the tile has another root")
	}
}

func (v *verifier) checkpoint(record Record) {
	v.counted++
	last := int64(record.Size) - 1
	before := v.stored
	v.stored = record.Size
	origin, size, root, err := v.keys.open(record.Note, record.Size)
	if previous := previousOf(record.Note); err == nil && previous > before {
		v.bad(int64(previous)-1, int64(previous)-1, "the checkpoint of %d is gone", previous)
	}
	switch {
	case err != nil:
		v.bad(v.unlessFirst(last), last, "checkpoint of %d: %v", record.Size, err)
	case origin != v.trust.Origin:
		v.bad(0, 0, "a checkpoint is of %s", origin)
	case size != record.Size:
		v.bad(last, last, "the checkpoint states %d", size)
	case v.beyond:
	case size > v.size():
		v.cut = true
		v.bad(int64(v.size()), last, "a checkpoint signs %d entries", size)
	default:
		v.compare(record, root)
	}
}

// unlessFirst is the place of a checkpoint that nobody trusted signed: if none was confirmed before, all may be forged.
func (v *verifier) unlessFirst(last int64) int64 {
	if v.confirmed == 0 {
		return 0
	}
	return last
}

func (v *verifier) compare(record Record, root []byte) {
	last := int64(record.Size) - 1
	computed, err := v.tree.GetRootHash(nil)
	isRight := err == nil && bytes.Equal(computed, root)
	for _, reason := range v.sealers.judge(record, v.tree.Hashes(), isRight) {
		v.bad(last, last, "the checkpoint of %d %s", record.Size, reason)
	}
	if !isRight {
		v.bad(int64(v.confirmed), last, "the signed root is another one")
		return
	}
	v.confirmed = v.size()
}

func (v *verifier) finish() {
	v.requireTile()
	if !v.ended {
		v.missing = append(v.missing, "the export is cut")
	}
	if !v.oldest.IsZero() && v.exportedAt.Sub(v.oldest) >= maxSealLag {
		v.missing = append(v.missing, fmt.Sprintf("%d entries are not sealed", v.unsealed))
	}
	if v.confirmed < v.size() && !v.beyond && !v.cut {
		v.bad(int64(v.confirmed), int64(v.size())-1, "no checkpoint covers these entries")
	}
	for _, receipt := range v.trust.Receipts {
		index, found := v.seen[receipt.LeafHash]
		switch {
		case !found && receipt.Index != nil:
			v.bad(int64(*receipt.Index), int64(*receipt.Index), "the entry %s is gone", receipt.EntryID)
		case !found:
			v.bad(1<<62, 1<<62, "the entry %s is gone", receipt.EntryID)
		case receipt.Index != nil && index >= 0 && uint64(index) != *receipt.Index:
			v.bad(min(index, int64(*receipt.Index)), index, "the entry %s was at %d", receipt.EntryID, *receipt.Index)
		}
	}
	v.anchors()
	for _, vkey := range v.sealers.unexplained(v.keys) {
		v.bad(1<<62, 1<<62, "no rotation made the key %s", vkey)
	}
	if v.trust.Key != "" && v.size() > 0 && !v.keys.has(v.trust.Key) {
		v.bad(0, 0, "the pinned key never signed")
	}
}

func (v *verifier) anchors() {
	sort.SliceStable(v.trust.Anchors, func(a, b int) bool {
		_, first, _, _ := parseCheckpoint(v.trust.Anchors[a].Note)
		_, second, _, _ := parseCheckpoint(v.trust.Anchors[b].Note)
		return first < second
	})
	var agreed, below uint64 // the largest size that a witness confirmed, and the largest below that
	for _, anchor := range v.trust.Anchors {
		_, size, _, _ := parseCheckpoint(anchor.Note)
		origin, _, root, err := v.keys.open(anchor.Note, size)
		if err != nil {
			origin, _, root, err = openWith(anchor.Note, v.trust.Key)
		}
		switch {
		case err != nil || origin != v.trust.Origin:
			v.missing = append(v.missing, anchor.Source+" can not be used")
		case size > v.size():
			v.bad(int64(v.size()), int64(size)-1, "%s saw %d entries", anchor.Source, size)
		case v.roots[size] == nil:
		case bytes.Equal(v.roots[size], root):
			if size > agreed {
				agreed, below = size, agreed
			}
		default:
			from := agreed
			if from == size {
				from = below
			}
			v.bad(int64(from), int64(size)-1, "%s saw another log", anchor.Source)
		}
	}
}
