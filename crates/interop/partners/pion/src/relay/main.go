// Two connections of pion that may use nothing but a relay: what our TURN server is to its client.
//
// usage: pion URL USERNAME PASSWORD
//
// Prints "relayed TEXT by KIND and KIND" once a message has come back, KIND being those of the two selected candidates; or ends with
// the reason.
package main

import (
	"fmt"
	"log"
	"os"
	"time"

	"github.com/pion/webrtc/v3"
)

func main() {
	server := webrtc.ICEServer{URLs: []string{os.Args[1]}, Username: os.Args[2], Credential: os.Args[3]}
	configuration := webrtc.Configuration{
		ICEServers:         []webrtc.ICEServer{server},
		ICETransportPolicy: webrtc.ICETransportPolicyRelay,
	}
	a, b := connection(configuration), connection(configuration)
	echoed := make(chan string, 1)
	b.OnDataChannel(func(channel *webrtc.DataChannel) {
		channel.OnMessage(func(message webrtc.DataChannelMessage) { must(channel.SendText(string(message.Data))) })
	})
	channel, err := a.CreateDataChannel("relayed", nil)
	must(err)
	channel.OnOpen(func() { must(channel.SendText("이음")) })
	channel.OnMessage(func(message webrtc.DataChannelMessage) { echoed <- string(message.Data) })

	offer, err := a.CreateOffer(nil)
	must(err)
	must(b.SetRemoteDescription(gathered(a, offer)))
	answer, err := b.CreateAnswer(nil)
	must(err)
	must(a.SetRemoteDescription(gathered(b, answer)))
	select {
	case text := <-echoed:
		pair, err := a.SCTP().Transport().ICETransport().GetSelectedCandidatePair()
		must(err)
		fmt.Printf("relayed %s by %s and %s\n", text, pair.Local.Typ, pair.Remote.Typ)
	case <-time.After(20 * time.Second):
		log.Fatalf("no echo; %s", a.ICEConnectionState())
	}
	must(a.Close())
	must(b.Close())
}

func connection(configuration webrtc.Configuration) *webrtc.PeerConnection {
	connection, err := webrtc.NewPeerConnection(configuration)
	must(err)
	return connection
}

// The description with all its candidates.
func gathered(connection *webrtc.PeerConnection, description webrtc.SessionDescription) webrtc.SessionDescription {
	complete := webrtc.GatheringCompletePromise(connection)
	must(connection.SetLocalDescription(description))
	<-complete
	return *connection.LocalDescription()
}

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
