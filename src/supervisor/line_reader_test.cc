// SPDX-License-Identifier: Apache-2.0
#include "supervisor/line_reader.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <string>
#include <string_view>
#include <vector>

namespace holdfast {
namespace {

class LineReaderTest : public testing::Test {
 protected:
  LineReaderTest() {
    Pipe pipe = MakePipe();
    write_ = std::move(pipe.write);
    reader_ = LineReader(std::move(pipe.read));
  }

  void Say(std::string_view text) {
    ASSERT_EQ(::write(write_.get(), text.data(), text.size()), std::ssize(text));
  }
  // Whether the pipe is still open; what was read is in lines_.
  bool Read() {
    return reader_.Read([this](const std::string& line) { lines_.push_back(line); });
  }

  UniqueFd write_;
  LineReader reader_;
  std::vector<std::string> lines_;
};

using Lines = std::vector<std::string>;

TEST_F(LineReaderTest, HandsWholeLinesOn) {
  EXPECT_TRUE(Read());
  Say("one\ntwo\nthr");
  EXPECT_TRUE(Read());
  EXPECT_EQ(lines_, (Lines{"one", "two"}));
  Say("ee\n");
  EXPECT_TRUE(Read());
  EXPECT_EQ(lines_.back(), "three");
}

TEST_F(LineReaderTest, TheLastLineNeedsNoNewline) {
  Say("last words");
  write_.reset();
  EXPECT_FALSE(Read());
  EXPECT_EQ(lines_, Lines{"last words"});
}

TEST_F(LineReaderTest, EmptyLinesSayNothing) {
  Say("\n\na\n\n");
  write_.reset();
  EXPECT_FALSE(Read());
  EXPECT_EQ(lines_, Lines{"a"});
}

TEST_F(LineReaderTest, CutsALineThatIsTooLong) {
  Say(std::string(LineReader::kLineMax * 2 + 10, 'x') + '\n');
  EXPECT_TRUE(Read());
  ASSERT_EQ(lines_.size(), 3u);
  EXPECT_EQ(lines_[0].size(), LineReader::kLineMax);
  EXPECT_EQ(lines_[1].size(), LineReader::kLineMax);
  EXPECT_EQ(lines_[2].size(), 10u);
}

TEST_F(LineReaderTest, AChildThatNeverStopsTalkingGetsOnlyItsTurn) {
  ASSERT_GE(::fcntl(write_.get(), F_SETPIPE_SZ, 1 << 20), 1 << 20);
  Say(std::string((1 << 20) - 1, 'x') + '\n');
  EXPECT_TRUE(Read());
  const std::size_t first_turn = lines_.size();
  EXPECT_LT(first_turn, (1u << 20) / LineReader::kLineMax);
  while (lines_.size() > 0 && lines_.size() < (1u << 20) / LineReader::kLineMax) Read();
  EXPECT_EQ(lines_.size(), (1u << 20) / LineReader::kLineMax);
}

TEST_F(LineReaderTest, QuotesTheLastLines) {
  for (int i = 0; i < 100; ++i) Say("line " + std::to_string(i) + "\n");
  EXPECT_TRUE(Read());
  const std::string words = reader_.LastWords();
  EXPECT_TRUE(words.starts_with("line 88 | ")) << words;
  EXPECT_TRUE(words.ends_with(" | line 99")) << words;
}

TEST_F(LineReaderTest, KeepsTextAndNothingElse) {
  Say("caf\u00e9 \u2026\n\xff\xfe half: \xe2\x80\n\x1b[31mred\x7f\n");
  EXPECT_TRUE(Read());
  EXPECT_EQ(lines_, (Lines{"caf\u00e9 \u2026", "?? half: ??", "?[31mred?"}));
  EXPECT_EQ(reader_.LastWords(1024).size(),
            lines_[0].size() + lines_[1].size() + lines_[2].size() + 6);
}

TEST_F(LineReaderTest, LastWordsAreNotCutWithinALetter) {
  Say("\u2026abc\n");
  EXPECT_TRUE(Read());
  EXPECT_EQ(reader_.LastWords(5), "abc");
}

TEST_F(LineReaderTest, LastWordsAreBounded) {
  for (int i = 0; i < 12; ++i) Say(std::string(4000, static_cast<char>('a' + i)) + "\n");
  EXPECT_TRUE(Read());
  EXPECT_EQ(reader_.LastWords(), std::string(1024, 'l'));
  EXPECT_EQ(reader_.LastWords(3), "lll");
  EXPECT_EQ(LineReader().LastWords(), "");
}

TEST(MakePipe, DoesNotBlockItsReaderAndIsClosedOnExec) {
  const Pipe pipe = MakePipe();
  EXPECT_TRUE((::fcntl(pipe.read.get(), F_GETFL) & O_NONBLOCK) != 0);
  EXPECT_TRUE((::fcntl(pipe.write.get(), F_GETFL) & O_NONBLOCK) == 0);
  EXPECT_TRUE((::fcntl(pipe.read.get(), F_GETFD) & FD_CLOEXEC) != 0);
  EXPECT_TRUE((::fcntl(pipe.write.get(), F_GETFD) & FD_CLOEXEC) != 0);
}

}  // namespace
}  // namespace holdfast
