#include "pbft/message.h"

namespace quorate::pbft {

ViewVote view_vote(const ViewChangeBody& body) {
  return {body.epoch, body.view, crypto::digest_of("view-change", body), body.replica};
}

ViewVote view_vote(const NewViewBody& body) {
  return {body.epoch, body.view, crypto::digest_of("new-view", body), body.replica};
}

}  // namespace quorate::pbft
