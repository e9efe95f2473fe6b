package tokenizer_test

import (
	"strings"
	"testing"

	"github.com/vulora/vulora/qwen2/tokenizer"
	"github.com/vulora/vulora/qwen2/tokenizer/tokenizertest"
)

var texts = []struct{ name, text string }{
	{"english", "A tokenizer that isn't quick makes everyone wait: 1,024 rows of instructions, each with an answer.\n"},
	{"korean", "한국어 문장은 조사가 많아서 낱말이 길어집니다. 서울에서 부산까지 기차로 두 시간 반이 걸립니다.\n"},
	{"chinese", "今天的天气很好，我们一起去公园散步，然后在附近的小饭馆吃午饭。分词器需要处理没有空格的文字。\n"},
}

func BenchmarkEncode(b *testing.B) {
	tok := tokenizertest.Qwen25(b)
	for _, t := range texts {
		b.Run("text="+t.name, func(b *testing.B) {
			text := strings.Repeat(t.text, 100)
			if got := tok.Decode(tok.Encode(text), false); got != text {
				b.Fatal("the text does not come back")
			}
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				tok.Encode(text)
			}
		})
	}
}

func BenchmarkRead(b *testing.B) {
	model, config := tokenizertest.Files(b)
	b.SetBytes(int64(len(model)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := tokenizer.Read(model, config); err != nil {
			b.Fatal(err)
		}
	}
}
