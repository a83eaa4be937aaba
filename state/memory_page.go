package state

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/bits"
)

// Entries lie in pages of bytes. A page is cut into chunks of one size; sizes
// grow by an eighth, so that an entry wastes a sixteenth of its size on
// average. A page that is empty goes back to the garbage collector.
//
// A place is the number of a page (20 bits) and of a chunk in it (12 bits).
const (
	minChunk  = 64
	minPage   = 4 << 10
	maxPage   = 64 << 10
	classes   = 9*8 + 1 // chunks of 64 bytes to 32 KiB; beyond, a page each
	chunkBits = 12
	pageLimit = 1 << (32 - chunkBits)
)

type pages struct {
	list    []page
	vacant  []uint32            // numbers of pages that are not in use
	room    [classes + 1]uint32 // first page of the class with a free chunk, and one
	entries [classes + 1]uint32 // chunks in use
	bytes   int
}

type page struct {
	data       []byte
	size       uint32 // of a chunk
	class      uint16
	used       uint16 // chunks in use
	fresh      uint16 // chunks that were never in use begin here
	freed      uint16 // first chunk of the list of free ones, and one
	chunks     uint16
	prev, next uint32 // pages of the class with room, and one
}

// classOf returns the class of the chunks that n bytes fit into, and their
// size: 64, 72, ... 128, 144, ... 256, and so on.
func classOf(n int) (class, size int) {
	if n <= minChunk {
		return 0, minChunk
	}
	// n-1 lies between 2^e and 2^(e+1), which is cut into eight steps.
	e := bits.Len(uint(n-1)) - 1
	step := 1 << (e - 3)
	eighth := (n-1)>>(e-3) - 8 // 0..7
	class = (e-6)*8 + eighth + 1
	if class >= classes {
		return classes, n
	}
	return class, 1<<e + (eighth+1)*step
}

func (p *pages) chunk(place uint32) []byte {
	pg := &p.list[place>>chunkBits]
	from := place & (1<<chunkBits - 1) * pg.size
	return pg.data[from : from+pg.size]
}

// fits tells whether an entry of n bytes would be given a chunk like that of
// place.
func (p *pages) fits(place uint32, n int) bool {
	pg := &p.list[place>>chunkBits]
	class, size := classOf(n)
	return int(pg.class) == class && int(pg.size) == size
}

func (p *pages) alloc(n int) (place uint32, err error) {
	if n > math.MaxInt32 {
		return 0, fmt.Errorf("%w: value", ErrTooLarge)
	}
	class, size := classOf(n)
	at := p.room[class]
	if at == 0 {
		if at, err = p.add(class, size); err != nil {
			return 0, err
		}
	}
	pg := &p.list[at-1]
	var chunk uint32
	if pg.freed != 0 {
		chunk = uint32(pg.freed - 1)
		pg.freed = binary.LittleEndian.Uint16(pg.data[chunk*pg.size:])
	} else {
		chunk = uint32(pg.fresh)
		pg.fresh++
	}
	pg.used++
	p.entries[class]++
	if pg.used == pg.chunks {
		p.unlink(at)
	}
	return (at-1)<<chunkBits | chunk, nil
}

// add makes a page of a class. Pages grow with the number of entries, so that a
// handful of logins does not cost 256 large pages.
func (p *pages) add(class, size int) (at uint32, err error) {
	n := size
	if class < classes {
		n = max(size, min(maxPage, max(minPage, int(p.entries[class])/4*size)))
		n = 1 << bits.Len(uint(n-1))
	}
	if len(p.vacant) > 0 {
		at = p.vacant[len(p.vacant)-1] + 1
		p.vacant = p.vacant[:len(p.vacant)-1]
	} else {
		if len(p.list) == pageLimit {
			return 0, fmt.Errorf("%w: memory is full", ErrTooLarge)
		}
		p.list = append(p.list, page{})
		at = uint32(len(p.list))
	}
	p.list[at-1] = page{data: make([]byte, n), size: uint32(size), class: uint16(class), chunks: uint16(n / size)}
	p.bytes += n
	p.link(at)
	return at, nil
}

// free gives a chunk back. Its bytes are cleared: they were secrets.
func (p *pages) free(place uint32) {
	at := place>>chunkBits + 1
	pg := &p.list[at-1]
	chunk := place & (1<<chunkBits - 1)
	data := pg.data[chunk*pg.size : (chunk+1)*pg.size]
	clear(data)
	if pg.used == pg.chunks {
		p.link(at)
	}
	binary.LittleEndian.PutUint16(data, pg.freed)
	pg.freed = uint16(chunk + 1)
	pg.used--
	p.entries[pg.class]--
	// A small page stays if it is the only one with room, so that one entry
	// that comes and goes does not make and drop a page each time.
	alone := pg.prev == 0 && pg.next == 0
	if pg.used == 0 && !(alone && len(pg.data) <= minPage) {
		p.drop(at)
	}
}

func (p *pages) drop(at uint32) {
	p.unlink(at)
	p.bytes -= len(p.list[at-1].data)
	p.list[at-1] = page{}
	p.vacant = append(p.vacant, at-1)
}

// link puts a page in front of those of its class that have room.
func (p *pages) link(at uint32) {
	pg := &p.list[at-1]
	pg.prev, pg.next = 0, p.room[pg.class]
	if pg.next != 0 {
		p.list[pg.next-1].prev = at
	}
	p.room[pg.class] = at
}

func (p *pages) unlink(at uint32) {
	pg := &p.list[at-1]
	if pg.prev != 0 {
		p.list[pg.prev-1].next = pg.next
	} else {
		p.room[pg.class] = pg.next
	}
	if pg.next != 0 {
		p.list[pg.next-1].prev = pg.prev
	}
	pg.prev, pg.next = 0, 0
}
