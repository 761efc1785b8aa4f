// A peer for data channels over pion, one operation a line: as data_w3c.mjs, which says how.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"sync"
	"time"

	"github.com/pion/webrtc/v3"
)

type command struct {
	Op, Label, Kind, Sdp, Candidate string
	SdpMid                          *string
	Init                            webrtc.DataChannelInit
	Restart                         bool
	First, Count                    int
	Lens                            []int
}

type reply map[string]interface{}

// A channel, and a digest of each message that came on it.
type entry struct {
	channel  *webrtc.DataChannel
	messages [][3]interface{}
}

var (
	connection *webrtc.PeerConnection
	lock       sync.Mutex
	channels   = map[string]*entry{}
)

func take(channel *webrtc.DataChannel) {
	it := &entry{channel: channel, messages: [][3]interface{}{}}
	lock.Lock()
	channels[channel.Label()] = it
	lock.Unlock()
	channel.OnMessage(func(message webrtc.DataChannelMessage) {
		kind := "binary"
		if message.IsString {
			kind = "text"
		}
		digest := [3]interface{}{kind, len(message.Data), crc32.ChecksumIEEE(message.Data)}
		lock.Lock()
		it.messages = append(it.messages, digest)
		lock.Unlock()
	})
}

func find(label string) *entry {
	lock.Lock()
	defer lock.Unlock()
	return channels[label]
}

func message(kind string, number, length int) []byte {
	bytes := make([]byte, length)
	for at := range bytes {
		if kind == "text" {
			bytes[at] = byte(97 + (number+at)%26)
		} else {
			bytes[at] = byte(number*31 + at*7 + at>>8)
		}
	}
	return bytes
}

func until(what string, condition func() bool) error {
	for deadline := time.Now().Add(20 * time.Second); !condition(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			return errors.New("not " + what + " within 20 s")
		}
	}
	return nil
}

// Describes itself, with all candidates.
func describe(description webrtc.SessionDescription, err error) (reply, error) {
	if err != nil {
		return nil, err
	}
	gathered := webrtc.GatheringCompletePromise(connection)
	if err := connection.SetLocalDescription(description); err != nil {
		return nil, err
	}
	<-gathered
	return reply{"sdp": connection.LocalDescription().SDP}, nil
}

func send(c command) error {
	channel := find(c.Label).channel
	for at, length := range c.Lens {
		if err := until("room", func() bool { return channel.BufferedAmount() < 1<<20 }); err != nil {
			return err
		}
		data := message(c.Kind, c.First+at, length)
		var err error
		if c.Kind == "text" {
			err = channel.SendText(string(data))
		} else {
			err = channel.Send(data)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func received(c command) (reply, error) {
	var taken [][3]interface{}
	err := until(fmt.Sprint(c.Count, " messages"), func() bool {
		it := find(c.Label)
		if it == nil {
			return false
		}
		lock.Lock()
		defer lock.Unlock()
		if len(it.messages) < c.Count {
			return false
		}
		taken, it.messages = it.messages, [][3]interface{}{}
		return true
	})
	return reply{"messages": taken}, err
}

func info(label string) reply {
	it := find(label).channel
	return reply{
		"protocol": it.Protocol(), "ordered": it.Ordered(), "maxRetransmits": it.MaxRetransmits(),
		"maxPacketLifeTime": it.MaxPacketLifeTime(), "negotiated": it.Negotiated(), "id": it.ID(),
	}
}

func renew() (err error) {
	if connection != nil {
		connection.Close()
	}
	lock.Lock()
	channels = map[string]*entry{}
	lock.Unlock()
	connection, err = webrtc.NewPeerConnection(webrtc.Configuration{})
	if err == nil {
		connection.OnDataChannel(take)
	}
	return err
}

func operate(c command) (reply, error) {
	in := func(state webrtc.DataChannelState) func() bool {
		return func() bool { it := find(c.Label); return it != nil && it.channel.ReadyState() == state }
	}
	switch c.Op {
	case "new":
		return reply{}, renew()
	case "open":
		channel, err := connection.CreateDataChannel(c.Label, &c.Init)
		if err == nil {
			take(channel)
		}
		return reply{}, err
	case "offer":
		return describe(connection.CreateOffer(&webrtc.OfferOptions{ICERestart: c.Restart}))
	case "answer":
		if err := connection.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: c.Sdp}); err != nil {
			return nil, err
		}
		return describe(connection.CreateAnswer(nil))
	case "accept":
		return reply{}, connection.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: c.Sdp})
	case "gathered":
		return reply{"candidates": []string{}}, nil
	case "candidate":
		return reply{}, connection.AddICECandidate(webrtc.ICECandidateInit{Candidate: c.Candidate, SDPMid: c.SdpMid})
	case "opened":
		return reply{}, until("open", in(webrtc.DataChannelStateOpen))
	case "closed":
		return reply{}, until("closed", in(webrtc.DataChannelStateClosed))
	case "info":
		return info(c.Label), nil
	case "send":
		return reply{}, send(c)
	case "received":
		return received(c)
	case "close":
		return reply{}, find(c.Label).channel.Close()
	case "end":
		return reply{}, connection.Close()
	}
	return nil, errors.New("no such operation")
}

func main() {
	fmt.Println("ready")
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var c command
		err := json.Unmarshal(lines.Bytes(), &c)
		var answer reply
		if err == nil {
			answer, err = operate(c)
		}
		if err != nil {
			answer = reply{"error": c.Op + ": " + err.Error()}
		}
		text, _ := json.Marshal(answer)
		fmt.Println("reply", string(text))
	}
	if connection != nil {
		connection.Close()
	}
}
