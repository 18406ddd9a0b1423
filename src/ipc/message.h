// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"
#include "base/strong_id.h"

namespace holdfast {

// message := magic:u32 kind:u32 slot:u32 generation:u32 servable:u32 code:u32 item:u64 value:u64
// All little-endian, 40 bytes, one message a datagram. Image bytes never travel here: they lie in
// the arena. Which fields a kind uses stands beside it; the others are zero.
enum class MessageKind : std::uint32_t {
  // supervisor → zygote
  kForkWorker = 1,  // slot, generation; descriptors: channel, arena, stderr.
  // zygote → supervisor
  kLoaded,      // descriptor: the servable's description (ipc/description.h).
  kForked,      // slot, generation, value = pid; descriptor: the worker's pidfd.
  kLoadFailed,  // code = Reason; the words went to stderr.
  // supervisor → gateway
  kServable,        // servable; descriptor: its description.
  kServableFailed,  // servable: its crash budget is spent.
  kServables,       // descriptor: the list of all (ipc/servable_list.h), whenever it has changed.
  kCredentials,     // descriptor: what the public ports show and ask for (ipc/port_credentials.h).
  kModelOrderDone,  // code = Reason, value = the order's number; descriptor: the words for it.
  kWorker,          // slot, generation, servable; descriptors: channel, arena.
  kWorkerDied,      // slot, generation, servable, code = DeathCause; descriptor: a DeathReport.
  kWorkerForked,    // slot, generation, value = pid: for reports, it is nobody's handle.
  kRetire,          // slot, generation, code = DeathCause: end it between two items.
  kDrain,           // value = nanoseconds until the supervisor will not wait any longer.
  // gateway → supervisor
  kHello,        // value = digest of the build id.
  kWorkerReady,  // slot, generation.
  kRecycle,      // slot, generation, code = DeathCause.
  kInject,       // slot, generation, code = DrillFault: an operator wants this worker to suffer it.
  kDrained,
  kServableDrained,  // servable: no request is left that it has to answer.
  kModelOrder,       // code = ModelOrder, value = its number; descriptor: its text.
  // supervisor → scout
  kScan,       // Look now, and say what is there even if nothing has changed.
  kConfigure,  // descriptor: where models lie from now on (ipc/model_folders_text.h). Then as
               // kScan.
  // scout → supervisor
  kCredentialsSeen,  // code = Reason; descriptor: as kCredentials has it, or why it cannot be used.
  kOffers,  // code = 1 if asked for; descriptor: what the repository holds (ipc/offer_list.h).
  // worker → gateway
  kReady,   // slot, generation.
  kAnswer,  // slot, generation, item.
  // gateway → worker
  kItem,  // slot, generation, item, code = ItemKind, value = bytes in the arena.
};
constexpr auto kLastMessageKind = MessageKind::kItem;

// What an operator wants, and what the text is that comes with it.
enum class ModelOrder : std::uint32_t {
  kLoad = 1,       // A model's name.
  kUnload = 2,     // A model's name.
  kLabel = 3,      // ipc/label_order.h.
  kConfigure = 4,  // All models that are to be served: ipc/model_folders_text.h.
  kRollout = 5,    // ipc/rollout_order.h: a RolloutOrder, …
  kPromote = 6,    // … a RolloutEndOrder …
  kRollBack = 7,   // … and another one.
  kAdd = 8,        // One more model: ipc/add_order.h.
  kRemove = 9,     // The name of one that was added.
};

// What the bytes in the arena are.
enum class ItemKind : std::uint32_t {
  kEncodedImage = 1,  // JPEG, PNG or WebP.
  kTensor = 2,        // float32, one item of the servable's input.
};

struct Message {
  MessageKind kind = MessageKind::kHello;
  SlotId slot;
  Generation generation;
  ServableId servable;
  std::uint32_t code = 0;
  ItemId item;
  std::uint64_t value = 0;
  bool operator==(const Message&) const = default;
};

constexpr std::size_t kMessageBytes = 40;
using EncodedMessage = std::array<std::uint8_t, kMessageBytes>;

EncodedMessage Encode(const Message& message);
// kBadRequest for anything that Encode() does not make.
Result<Message> Decode(ByteView bytes);

// A number that differs between builds: processes of different builds do not speak.
std::uint64_t BuildDigest(std::string_view build_id);

}  // namespace holdfast
