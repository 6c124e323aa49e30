// A client of a node's log that is made of Go's own parts: golang.org/x/mod/sumdb/note opens the
// checkpoint, sumdb/tlog checks tiles, entries and proofs. Whatever they accept is then mutated, and
// must be refused.
//
//	tlog log URL OUT       the log of a running node; the proofs that were checked go to OUT, a line
//	                       each: i INDEX SIZE ROOT RECORD HASH... and c SIZE SIZE ROOT ROOT HASH...
//	tlog size URL          prints how many records its newest checkpoint covers
//	tlog proof FILE KEYS   a tlog-proof that stands in a file, with the keys of its cosigners
//
// sumdb/note knows one type of key, 0x01; the cosignatures of C2SP are type 0x04.
package main

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

func check(err error) {
	if err != nil {
		fail("%v", err)
	}
}

func fail(format string, values ...interface{}) {
	fmt.Fprintf(os.Stderr, "FAILED: "+format+"\n", values...)
	os.Exit(1)
}

// -- notes

type cosigner struct {
	name string
	hash uint32
	key  ed25519.PublicKey
}

func (c cosigner) Name() string    { return c.name }
func (c cosigner) KeyHash() uint32 { return c.hash }
func (c cosigner) Verify(msg, sig []byte) bool {
	if len(sig) != 8+ed25519.SignatureSize {
		return false
	}
	signed := fmt.Sprintf("cosignature/v1\ntime %d\n%s", binary.BigEndian.Uint64(sig), msg)
	return ed25519.Verify(c.key, []byte(signed), sig[8:])
}

func parseCosigner(vkey string) cosigner {
	parts := strings.SplitN(vkey, "+", 3)
	if len(parts) != 3 {
		fail("%q is no key", vkey)
	}
	hash, err := strconv.ParseUint(parts[1], 16, 32)
	check(err)
	key, err := base64.StdEncoding.DecodeString(parts[2])
	check(err)
	if len(key) != 1+ed25519.PublicKeySize || key[0] != 4 {
		fail("%q is no key of a cosigner", vkey)
	}
	return cosigner{parts[0], uint32(hash), key[1:]}
}

// The tree that a checkpoint names, by the parser of Go's own logs, which have another first line.
func parseTree(text string) tlog.Tree {
	rest := text[strings.Index(text, "\n"):]
	tree, err := tlog.ParseTree([]byte("go.sum database tree" + rest))
	check(err)
	return tree
}

// Whether both hold the same signatures: Go's base64 ignores the unused bits of a last character.
func areAlike(a, b *note.Note) bool {
	if a.Text != b.Text || len(a.Sigs) != len(b.Sigs) {
		return false
	}
	for i := range a.Sigs {
		first, errA := base64.StdEncoding.DecodeString(a.Sigs[i].Base64)
		second, errB := base64.StdEncoding.DecodeString(b.Sigs[i].Base64)
		if errA != nil || errB != nil || string(first) != string(second) {
			return false
		}
	}
	return true
}

// Opens the note, and sees that with any one byte changed it is refused, has a signature less, or
// still says the same.
func openNote(msg []byte, keys []note.Verifier) *note.Note {
	known := note.VerifierList(keys...)
	opened, err := note.Open(msg, known)
	check(err)
	if len(opened.UnverifiedSigs) != 0 {
		fail("%d lines of the note are by nobody known", len(opened.UnverifiedSigs))
	}
	refused, fewer, alike := 0, 0, 0
	for i := range msg {
		bad := append([]byte(nil), msg...)
		bad[i] ^= 1
		again, err := note.Open(bad, known)
		if err == nil && areAlike(again, opened) {
			alike++
			continue
		}
		if err == nil && (again.Text != opened.Text || len(again.Sigs) >= len(opened.Sigs)) {
			fail("the note is accepted with byte %d changed", i)
		}
		if err != nil {
			refused++
		} else {
			fewer++
		}
	}
	fmt.Printf("checkpoint: %d signatures; of its bytes changed, %d refused, %d cost a signature, "+
		"%d meant nothing\n", len(opened.Sigs), refused, fewer, alike)
	return opened
}

// -- a node

type node struct{ url string }

func (n node) get(path string) []byte {
	response, err := http.Get(n.url + path)
	check(err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	check(err)
	if response.StatusCode != 200 {
		fail("%s: %s %s", path, response.Status, body)
	}
	isTile := strings.HasPrefix(path, "/tile/")
	if isTile != strings.Contains(response.Header.Get("Cache-Control"), "immutable") {
		fail("%s may be kept as %q", path, response.Header.Get("Cache-Control"))
	}
	return body
}

type call struct {
	Version string                 `json:"jsonrpc"`
	Id      int                    `json:"id"`
	Method  string                 `json:"method"`
	Params  map[string]interface{} `json:"params"`
}

type proof struct {
	First, Second, Index, Size int64
	Root, Record               string
	FirstRoot                  string `json:"first_root"`
	SecondRoot                 string `json:"second_root"`
	Path                       []string
}

// Answers come in the order of the calls.
func (n node) ask(calls []call) []proof {
	var proofs []proof
	for len(calls) > 0 {
		count := len(calls)
		if count > 100 {
			count = 100
		}
		body, err := json.Marshal(calls[:count])
		check(err)
		response, err := http.Post(n.url, "application/json", bytes.NewReader(body))
		check(err)
		var answers []struct {
			Result proof
			Error  *struct{ Message string }
		}
		check(json.NewDecoder(response.Body).Decode(&answers))
		response.Body.Close()
		for _, answer := range answers {
			if answer.Error != nil {
				fail("%s", answer.Error.Message)
			}
			proofs = append(proofs, answer.Result)
		}
		calls = calls[count:]
	}
	return proofs
}

func parseHash(text string) tlog.Hash {
	var hash tlog.Hash
	read, err := hex.DecodeString(text)
	check(err)
	if copy(hash[:], read) != len(hash) || len(read) != len(hash) {
		fail("%q is no hash", text)
	}
	return hash
}

func parseHashes(texts []string) []tlog.Hash {
	hashes := []tlog.Hash{}
	for _, text := range texts {
		hashes = append(hashes, parseHash(text))
	}
	return hashes
}

// C2SP's tiles have height 8 and do not say so in their names.
type tiles struct {
	node
	spoil bool // changes a bit of each
	saved int
}

func (t *tiles) Height() int { return 8 }
func (t *tiles) ReadTiles(wanted []tlog.Tile) ([][]byte, error) {
	var data [][]byte
	for _, tile := range wanted {
		read := t.get("/" + strings.Replace(tile.Path(), "tile/8/", "tile/", 1))
		if t.spoil {
			read[len(read)/2] ^= 4
		}
		data = append(data, read)
	}
	return data, nil
}
func (t *tiles) SaveTiles(saved []tlog.Tile, data [][]byte) { t.saved += len(saved) }

func (n node) records(size int64) [][]byte {
	var records [][]byte
	for at := int64(0); at < size; at += 256 {
		tile := tlog.Tile{H: 8, L: 0, N: at / 256, W: 256}
		if size-at < 256 {
			tile.W = int(size - at)
		}
		bundle := n.get("/" + strings.Replace(tile.Path(), "tile/8/0/", "tile/entries/", 1))
		for len(bundle) > 0 {
			length := int(binary.BigEndian.Uint16(bundle))
			records = append(records, bundle[2:2+length])
			bundle = bundle[2+length:]
		}
	}
	if int64(len(records)) != size {
		fail("%d entries in a log of %d", len(records), size)
	}
	return records
}

// -- proofs

// Each hash with a bit changed, one too few, one too many: whether all of that is refused.
func refusesMutations(path []tlog.Hash, accepts func([]tlog.Hash) bool) int {
	mutated := 0
	try := func(bad []tlog.Hash) {
		if accepts(bad) {
			fail("a mutated proof is accepted")
		}
		mutated++
	}
	for i := range path {
		bad := append([]tlog.Hash(nil), path...)
		bad[i][i%32] ^= 1 << (i % 8)
		try(bad)
	}
	if len(path) > 0 {
		try(path[:len(path)-1])
		try(path[1:])
	}
	try(append(append([]tlog.Hash(nil), path...), tlog.Hash{}))
	return mutated
}

func line(out *bytes.Buffer, head string, path []string) {
	fmt.Fprintln(out, strings.Join(append([]string{head}, path...), " "))
}

// All pairs of the first `all` records, and those of some sizes up to the whole log.
func sizesOf(size, all int64) []int64 {
	var sizes []int64
	for n := int64(1); n <= size; n++ {
		if n <= all || n == size || n%97 == 0 {
			sizes = append(sizes, n)
		}
	}
	return sizes
}

func checkInclusion(n node, tree tlog.Tree, records [][]byte, out *bytes.Buffer) {
	var calls []call
	for _, size := range sizesOf(tree.N, 48) {
		step := int64(1)
		if size > 48 {
			step = 1 + size/48
		}
		for i := int64(0); i < size; i += step {
			params := map[string]interface{}{"height": i + 1, "size": size}
			calls = append(calls, call{"2.0", len(calls), "quorate_inclusion", params})
		}
	}
	mutated := 0
	for _, p := range n.ask(calls) {
		path, root := parseHashes(p.Path), parseHash(p.Root)
		leaf := tlog.RecordHash(records[p.Index])
		check(tlog.CheckRecord(path, p.Size, root, p.Index, leaf))
		if p.Size == tree.N && root != tree.Hash {
			fail("another root than the checkpoint's")
		}
		mutated += refusesMutations(path, func(bad []tlog.Hash) bool {
			return tlog.CheckRecord(bad, p.Size, root, p.Index, leaf) == nil
		})
		if p.Index > 0 && tlog.CheckRecord(path, p.Size, root, p.Index-1, leaf) == nil {
			fail("a proof is accepted for another place")
		}
		line(out, fmt.Sprintf("i %d %d %s %x", p.Index, p.Size, p.Root, records[p.Index]), p.Path)
	}
	fmt.Printf("inclusion: %d proofs accepted, %d mutated ones refused\n", len(calls), mutated)
}

func checkConsistency(n node, tree tlog.Tree, out *bytes.Buffer) {
	var calls []call
	for _, second := range sizesOf(tree.N, 48) {
		step := int64(1)
		if second > 48 {
			step = 1 + second/48
		}
		for first := int64(1); first <= second; first += step {
			params := map[string]interface{}{"first": first, "second": second}
			calls = append(calls, call{"2.0", len(calls), "quorate_consistency", params})
		}
	}
	mutated := 0
	for _, p := range n.ask(calls) {
		path, old, root := parseHashes(p.Path), parseHash(p.FirstRoot), parseHash(p.SecondRoot)
		check(tlog.CheckTree(path, p.Second, root, p.First, old))
		if p.Second == tree.N && root != tree.Hash {
			fail("another root than the checkpoint's")
		}
		mutated += refusesMutations(path, func(bad []tlog.Hash) bool {
			return tlog.CheckTree(bad, p.Second, root, p.First, old) == nil
		})
		line(out, fmt.Sprintf("c %d %d %s %s", p.First, p.Second, p.FirstRoot, p.SecondRoot), p.Path)
	}
	fmt.Printf("consistency: %d proofs accepted, %d mutated ones refused\n", len(calls), mutated)
}

func checkTiles(n node, tree tlog.Tree, records [][]byte) {
	good := &tiles{node: n}
	reader := tlog.TileHashReader(tree, good)
	root, err := tlog.TreeHash(tree.N, reader)
	check(err)
	if root != tree.Hash {
		fail("the tiles make another root")
	}
	indexes := []int64{}
	for i := range records {
		indexes = append(indexes, tlog.StoredHashIndex(0, int64(i)))
	}
	leaves, err := reader.ReadHashes(indexes)
	check(err)
	for i, record := range records {
		if tlog.RecordHash(record) != leaves[i] {
			fail("entry %d is not what its leaf hashes", i)
		}
	}
	bad := &tiles{node: n, spoil: true}
	if _, err := tlog.TileHashReader(tree, bad).ReadHashes(indexes); err == nil || bad.saved > 0 {
		fail("mutated tiles are accepted")
	}
	fmt.Printf("tiles: %d accepted, %d entries; mutated ones refused\n", good.saved, len(records))
}

func checkLog(url, file string) {
	n := node{url}
	var about struct {
		Result struct {
			Key       string
			Cosigners []string
		}
	}
	check(json.Unmarshal(n.get("/quorate_log"), &about))
	own, err := note.NewVerifier(about.Result.Key)
	check(err)
	keys := []note.Verifier{own}
	for _, key := range about.Result.Cosigners {
		keys = append(keys, parseCosigner(key))
	}
	opened := openNote(n.get("/checkpoint"), keys)
	quorum := (len(keys)-1)*2/3 + 1
	if opened.Sigs[0].Name != own.Name() || len(opened.Sigs) < 1+quorum {
		fail("the note lacks the node's own signature first, or a quorum behind it")
	}
	tree := parseTree(opened.Text)
	records := n.records(tree.N)
	checkTiles(n, tree, records)
	var out bytes.Buffer
	checkInclusion(n, tree, records, &out)
	checkConsistency(n, tree, &out)
	check(os.WriteFile(file, out.Bytes(), 0644))
}

func checkProof(file, keyFile string) {
	text, err := os.ReadFile(file)
	check(err)
	keyText, err := os.ReadFile(keyFile)
	check(err)
	var keys []note.Verifier
	for _, key := range strings.Fields(string(keyText)) {
		keys = append(keys, parseCosigner(key))
	}
	head, checkpoint := string(text), ""
	if at := strings.Index(head, "\n\n"); at > 0 {
		head, checkpoint = head[:at], head[at+2:]
	}
	lines := strings.Split(head, "\n")
	if len(lines) < 3 || lines[0] != "c2sp.org/tlog-proof@v1" {
		fail("no tlog-proof: %q", head)
	}
	extra, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(lines[1], "extra "))
	check(err)
	index, err := strconv.ParseInt(strings.TrimPrefix(lines[2], "index "), 10, 64)
	check(err)
	var path []tlog.Hash
	for _, text := range lines[3:] {
		hash, err := tlog.ParseHash(text)
		check(err)
		path = append(path, hash)
	}
	tree := parseTree(openNote([]byte(checkpoint), keys).Text)
	leaf := tlog.RecordHash(extra[1:]) // behind the byte that says that it is a record
	check(tlog.CheckRecord(path, tree.N, tree.Hash, index, leaf))
	mutated := refusesMutations(path, func(bad []tlog.Hash) bool {
		return tlog.CheckRecord(bad, tree.N, tree.Hash, index, leaf) == nil
	})
	fmt.Printf("tlog-proof: record %d of %d accepted, %d mutated ones refused\n", index, tree.N,
		mutated)
}

func main() {
	switch {
	case len(os.Args) == 4 && os.Args[1] == "log":
		checkLog(os.Args[2], os.Args[3])
	case len(os.Args) == 3 && os.Args[1] == "size":
		fmt.Println(parseTree(string(node{os.Args[2]}.get("/checkpoint"))).N)
	case len(os.Args) == 4 && os.Args[1] == "proof":
		checkProof(os.Args[2], os.Args[3])
	default:
		fail("usage: tlog log URL OUT, tlog size URL, or tlog proof FILE KEYS")
	}
}
