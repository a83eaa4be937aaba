package op

import (
	"maps"
	"slices"
)

// pageTexts are the texts of the pages by language and key. English is complete; a text that
// another language lacks is shown in English.
var pageTexts = map[string]map[string]string{
	"en": {
		"login_title":          "Log in",
		"login_for":            "to go on to",
		"username":             "User name",
		"password":             "Password",
		"login_button":         "Log in",
		"cancel":               "Cancel",
		"create_title":         "Create an account",
		"create_button":        "Create",
		"create_login":         "I have an account: log in",
		"select_title":         "Choose an account",
		"continue_as":          "Continue as",
		"other_account":        "Or log in with another account",
		"consent_title":        "Allow access",
		"consent_ask":          "asks for the following:",
		"consent_claims":       "It also asks for these details:",
		"consent_resources":    "The access is for:",
		"allow":                "Allow",
		"deny":                 "Do not allow",
		"logged_in_as":         "You are logged in as",
		"client_page":          "Website",
		"client_policy":        "Privacy policy",
		"client_tos":           "Terms of service",
		"client_logo":          "Logo",
		"logout_title":         "Log out",
		"logout_ask":           "Do you want to log out?",
		"logout_button":        "Log out",
		"stay_button":          "Stay logged in",
		"logged_out_title":     "You are logged out",
		"logged_out_text":      "You can close this window.",
		"logged_in_title":      "You are still logged in",
		"continue_title":       "Something is wrong with the request",
		"continue_text":        "The application that sent you here made a mistake. You can go back to it:",
		"continue_button":      "Go back",
		"error_title":          "This did not work",
		"error_text":           "The request cannot be answered.",
		"done_title":           "Done",
		"done_text":            "You can go back to your device.",
		"user_code_title":      "Connect a device",
		"user_code":            "Code shown on the device",
		"user_code_button":     "Continue",
		"device_title":         "Is this your device?",
		"device_ask":           "wants access on a device that shows this code:",
		"approvals_title":      "Requests that wait for you",
		"approvals_ask":        "asks on another device:",
		"approvals_binding":    "The other device shows:",
		"approvals_until":      "You can answer until",
		"approvals_nothing":    "Nothing waits for your answer.",
		"approvals_reload":     "Look again",
		"scope_openid":         "to know who you are",
		"scope_profile":        "your profile: name, picture and the like",
		"scope_email":          "your e-mail address",
		"scope_address":        "your postal address",
		"scope_phone":          "your telephone number",
		"scope_offline_access": "access while you are not there",
		"failure_credentials":  "User name or password is wrong.",
		"failure_attempts":     "Too many attempts. Wait a few minutes.",
		"failure_user":         "Log in with the account that the application asked for.",
		"failure_user_code":    "There is no such code, or it has expired.",
		"failure_account":      "There cannot be an account with this name and password.",
		"failure_question":     "This was answered before, or its time is over.",
	},
	"de": {
		"login_title":          "Anmelden",
		"login_for":            "um fortzufahren zu",
		"username":             "Benutzername",
		"password":             "Passwort",
		"login_button":         "Anmelden",
		"cancel":               "Abbrechen",
		"create_title":         "Konto anlegen",
		"create_button":        "Anlegen",
		"create_login":         "Ich habe ein Konto: anmelden",
		"select_title":         "Konto auswählen",
		"continue_as":          "Weiter als",
		"other_account":        "Oder mit einem anderen Konto anmelden",
		"consent_title":        "Zugriff erlauben",
		"consent_ask":          "bittet um Folgendes:",
		"consent_claims":       "Außerdem um diese Angaben:",
		"consent_resources":    "Der Zugriff gilt für:",
		"allow":                "Erlauben",
		"deny":                 "Nicht erlauben",
		"logged_in_as":         "Sie sind angemeldet als",
		"client_page":          "Website",
		"client_policy":        "Datenschutzerklärung",
		"client_tos":           "Nutzungsbedingungen",
		"client_logo":          "Logo",
		"logout_title":         "Abmelden",
		"logout_ask":           "Möchten Sie sich abmelden?",
		"logout_button":        "Abmelden",
		"stay_button":          "Angemeldet bleiben",
		"logged_out_title":     "Sie sind abgemeldet",
		"logged_out_text":      "Sie können dieses Fenster schließen.",
		"logged_in_title":      "Sie sind weiterhin angemeldet",
		"continue_title":       "Mit der Anfrage stimmt etwas nicht",
		"continue_text":        "Die Anwendung, von der Sie kommen, hat einen Fehler gemacht. Sie können zu ihr zurückkehren:",
		"continue_button":      "Zurück",
		"error_title":          "Das hat nicht geklappt",
		"error_text":           "Die Anfrage kann nicht beantwortet werden.",
		"done_title":           "Fertig",
		"done_text":            "Sie können zu Ihrem Gerät zurückkehren.",
		"user_code_title":      "Gerät verbinden",
		"user_code":            "Code, den das Gerät anzeigt",
		"user_code_button":     "Weiter",
		"device_title":         "Ist das Ihr Gerät?",
		"device_ask":           "möchte Zugriff auf einem Gerät, das diesen Code anzeigt:",
		"approvals_title":      "Anfragen, die auf Sie warten",
		"approvals_ask":        "bittet auf einem anderen Gerät darum:",
		"approvals_binding":    "Das andere Gerät zeigt:",
		"approvals_until":      "Sie können antworten bis",
		"approvals_nothing":    "Keine Anfrage wartet auf Ihre Antwort.",
		"approvals_reload":     "Erneut nachsehen",
		"scope_openid":         "zu wissen, wer Sie sind",
		"scope_profile":        "Ihr Profil: Name, Bild und Ähnliches",
		"scope_email":          "Ihre E-Mail-Adresse",
		"scope_address":        "Ihre Anschrift",
		"scope_phone":          "Ihre Telefonnummer",
		"scope_offline_access": "Zugriff, während Sie nicht da sind",
		"failure_credentials":  "Benutzername oder Passwort ist falsch.",
		"failure_attempts":     "Zu viele Versuche. Warten Sie einige Minuten.",
		"failure_user":         "Melden Sie sich mit dem Konto an, das die Anwendung verlangt.",
		"failure_user_code":    "Diesen Code gibt es nicht, oder er ist abgelaufen.",
		"failure_account":      "Mit diesem Namen und Passwort kann es kein Konto geben.",
		"failure_question":     "Darauf wurde schon geantwortet, oder die Zeit ist um.",
	},
}

// mergeTexts joins the texts with those of the configuration.
func mergeTexts(own map[string]map[string]string) map[string]map[string]string {
	all := map[string]map[string]string{}
	for _, lang := range languages(own) {
		all[lang] = maps.Clone(pageTexts["en"])
		maps.Copy(all[lang], pageTexts[lang])
		maps.Copy(all[lang], own[lang])
	}
	return all
}

// languages are the languages that there are texts for.
func languages(own map[string]map[string]string) []string {
	seen := map[string]bool{}
	for lang := range pageTexts {
		seen[lang] = true
	}
	for lang := range own {
		seen[lang] = true
	}
	return slices.Sorted(maps.Keys(seen))
}
