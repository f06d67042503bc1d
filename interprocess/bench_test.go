package interprocess

import (
	"sync/atomic"
	"testing"
)

func BenchmarkIsSet(b *testing.B) {
	e, word := newTest(b), new(atomic.Uint32)
	e.Set()
	b.Run("impl=interprocess", func(b *testing.B) {
		for range b.N {
			if !e.IsSet() {
				b.Fatal("not set")
			}
		}
	})
	b.Run("impl=floor", func(b *testing.B) {
		for range b.N {
			if word.Load() != 0 {
				b.Fatal("set")
			}
		}
	})
}

func BenchmarkSetOnSet(b *testing.B) {
	e, word := newTest(b), new(atomic.Uint32)
	e.Set()
	b.Run("impl=interprocess", func(b *testing.B) {
		for range b.N {
			e.Set()
		}
	})
	b.Run("impl=floor", func(b *testing.B) {
		for range b.N {
			word.CompareAndSwap(0, 0)
		}
	})
}

func BenchmarkSetClear(b *testing.B) {
	e, word := newTest(b), new(atomic.Uint32)
	b.Run("impl=interprocess", func(b *testing.B) {
		for range b.N {
			e.Set()
			e.Clear()
		}
	})
	b.Run("impl=floor", func(b *testing.B) {
		for range b.N {
			word.CompareAndSwap(0, 1)
			word.CompareAndSwap(1, 0)
		}
	})
}
