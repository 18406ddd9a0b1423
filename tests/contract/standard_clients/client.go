// SPDX-License-Identifier: Apache-2.0

// client URL PHOTO: asks a server as Go's net/http does, and prints a line an answer: what was
// asked, the status, and the reason or the best label.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"os"
)

type answer struct {
	Reason      string
	Predictions []struct{ Label string }
}

func ask(name, method, url string, body io.Reader, headers map[string]string) {
	reused := false
	trace := &httptrace.ClientTrace{GotConn: func(info httptrace.GotConnInfo) { reused = info.Reused }}
	request, err := http.NewRequest(method, url, body)
	if err != nil {
		fmt.Println(name, "failed", err)
		return
	}
	for key, value := range headers {
		request.Header.Set(key, value)
	}
	request = request.WithContext(httptrace.WithClientTrace(request.Context(), trace))
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		fmt.Println(name, "failed", err)
		return
	}
	text, err := io.ReadAll(response.Body)
	response.Body.Close()
	var parsed answer
	json.Unmarshal(text, &parsed)
	word := parsed.Reason
	if len(parsed.Predictions) > 0 {
		word = parsed.Predictions[0].Label
	}
	fmt.Printf("%s|%d|%s|%t|%v\n", name, response.StatusCode, word, reused, err)
}

func main() {
	url, photo := os.Args[1], os.Args[2]
	picture, err := os.ReadFile(photo)
	if err != nil {
		panic(err)
	}
	ask("photo", "POST", url+"/classify", bytes.NewReader(picture), nil)
	ask("again", "POST", url+"/classify", bytes.NewReader(picture), nil)
	// A reader whose length is not known is sent in chunks.
	ask("chunked", "POST", url+"/classify", io.MultiReader(bytes.NewReader(picture)), nil)
	ask("expect", "POST", url+"/classify", bytes.NewReader(picture),
		map[string]string{"Expect": "100-continue"})
	ask("unknown", "POST", url+"/classify?model=nobody", bytes.NewReader(picture), nil)
	ask("text", "POST", url+"/classify", bytes.NewReader([]byte("hello")), nil)
	ask("large", "POST", url+"/classify", bytes.NewReader(make([]byte, 24<<20)), nil)
	ask("head", "HEAD", url+"/healthz", nil, nil)
	ask("after", "POST", url+"/classify", bytes.NewReader(picture), nil)
}
